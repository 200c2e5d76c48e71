//! `--device`: where models compute.

use std::fmt;
use std::str::FromStr;

/// What `--device` asks for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum DeviceChoice {
    /// CUDA when a GPU answers, else the CPU.
    #[default]
    Auto,
    /// Every GPU.
    AllCuda,
    /// A replica of the model on each.
    These(Vec<Device>),
}

/// One place where a replica of a model computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    Cpu,
    /// A GPU, by its index among those that are visible.
    Cuda(usize),
}

impl Device {
    /// Whether a model there computes on the cores that decoders use.
    pub fn needs_cores(self) -> bool {
        self == Self::Cpu
    }

    /// As `--device` takes them.
    pub fn names(devices: &[Self]) -> String {
        let names: Vec<String> = devices.iter().map(Self::to_string).collect();
        names.join(",")
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(index) => write!(f, "cuda:{index}"),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => return Ok(Self::Auto),
            "cuda:all" => return Ok(Self::AllCuda),
            _ => {}
        }
        let devices: Vec<Device> = text.split(',').map(device).collect::<Result<_, _>>()?;
        let twice =
            |i: usize| matches!(devices[i], Device::Cuda(_)) && devices[..i].contains(&devices[i]);
        let on_cpu = |device: &Device| *device == Device::Cpu;
        if devices.iter().any(on_cpu) && !devices.iter().all(on_cpu) {
            return Err("the CPU and GPUs cannot be mixed".into());
        }
        match (0..devices.len()).find(|&i| twice(i)) {
            Some(i) => Err(format!("'{}' is named twice", devices[i])),
            None => Ok(Self::These(devices)),
        }
    }
}

fn device(text: &str) -> Result<Device, String> {
    let index = match text.trim() {
        "cpu" => return Ok(Device::Cpu),
        "cuda" => Some(0),
        other => other
            .strip_prefix("cuda:")
            .and_then(|index| index.parse::<u8>().ok()),
    };
    index
        .map(|index| Device::Cuda(index.into()))
        .ok_or_else(|| {
            format!("expected auto, cpu, cuda, cuda:1, cuda:0,cuda:1 or cuda:all, found '{text}'")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_typed() {
        let these = |devices: &[Device]| Ok(DeviceChoice::These(devices.to_vec()));
        assert_eq!("auto".parse(), Ok(DeviceChoice::Auto));
        assert_eq!("cuda:all".parse(), Ok(DeviceChoice::AllCuda));
        assert_eq!("cpu".parse(), these(&[Device::Cpu]));
        assert_eq!("cuda".parse(), these(&[Device::Cuda(0)]));
        assert_eq!("cuda:3".parse(), these(&[Device::Cuda(3)]));
        assert_eq!(
            "cuda:0,cuda:1".parse(),
            these(&[Device::Cuda(0), Device::Cuda(1)])
        );
        for wrong in [
            "", "gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:0,", "cuda:0;1", "CUDA",
        ] {
            assert!(wrong.parse::<DeviceChoice>().is_err(), "{wrong}");
        }
        let mixed = "cpu,cuda".parse::<DeviceChoice>();
        assert_eq!(mixed, Err("the CPU and GPUs cannot be mixed".into()));
        let twice = "cuda,cuda:0".parse::<DeviceChoice>();
        assert_eq!(twice, Err("'cuda:0' is named twice".into()));
    }
}
