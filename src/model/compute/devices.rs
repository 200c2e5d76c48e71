//! The devices that `--device` asks for, and those that there are.

use crate::cli::choices::{Device, DeviceChoice};
use crate::model::runtime::cuda;
use anyhow::{Context, Result, bail, ensure};

/// The devices to compute on, and why, for the user to see. Opens libtorch's CUDA library if it is needed.
///
/// # Errors
/// A GPU is asked for and does not answer: what is missing, and the cure. It never falls back to the CPU silently.
pub fn resolve(choice: &DeviceChoice) -> Result<(Vec<Device>, String)> {
    match choice {
        DeviceChoice::Auto => Ok(match gpus() {
            Ok(_) => (vec![Device::Cuda(0)], "cuda:0 (auto: a GPU answers)".into()),
            Err(reason) => (vec![Device::Cpu], format!("cpu (auto: {reason:#})")),
        }),
        DeviceChoice::AllCuda => {
            let count = gpus().context(unusable("cuda:all"))?;
            Ok(named((0..count).map(Device::Cuda).collect()))
        }
        DeviceChoice::These(devices) => {
            devices
                .iter()
                .try_for_each(|&device| ensure_there(device))?;
            Ok(named(devices.clone()))
        }
    }
}

fn named(devices: Vec<Device>) -> (Vec<Device>, String) {
    let names = Device::names(&devices);
    (devices, names)
}

fn unusable(device: &str) -> String {
    format!("--device {device} cannot be used; fix that, or pass --device cpu")
}

fn ensure_there(device: Device) -> Result<()> {
    let Device::Cuda(index) = device else {
        return Ok(());
    };
    let count = gpus().with_context(|| unusable(&device.to_string()))?;
    ensure!(
        index < count,
        "--device {device} is not there: {count} GPU(s) answer, cuda:0 to cuda:{}; choose one of them, or pass --device cpu",
        count - 1
    );
    Ok(())
}

/// GPUs that answer; at least one.
fn gpus() -> Result<usize> {
    match cuda::open_cuda()? {
        0 => bail!("no GPU answers; CUDA_VISIBLE_DEVICES may hide it"),
        count => Ok(count),
    }
}
