//! Which form of the graph computes a run.
//!
//! Each faster form is tried on the run's own first batch. It has to give the plain graph's numbers, and the same ones
//! again with the images in another order, for it has been seen to be right once and wrong ever after; and it must not
//! be slower. All rows then come from one form, and the same run chooses the same one again: after an interruption, or in
//! another shard, the last bits of its rows are the same. So nothing here hangs on small differences in time.

use super::ffi::{Form, Module, Multiplications};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tch::{Kind, Tensor};

/// Calls after which a form that was slower in all of them is refused: other work on the machine holds up some.
const CALLS: usize = 6;
/// Images of a run that pay for oneDNN's graph compiler. It takes half a second for most networks, ten for DenseNets.
const LARGE: u64 = 10_000;
/// Batches of a run that pay for a trial, which takes two.
const MANY: u64 = 16;
/// Images that the plain form computes for comparison.
const COMPARED: i64 = 2;

/// Whether a run of so many images is long enough for a trial.
pub fn is_worth_it(run_images: u64, batch: usize) -> bool {
    run_images >= MANY * batch as u64
}

/// How much a whole run is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    pub images: u64,
    /// What one image costs.
    pub image: Multiplications,
}

impl Size {
    /// The forms worth a trial, the best one first.
    fn candidates(self) -> &'static [Form] {
        let Multiplications {
            convolutions,
            linear_layers,
        } = self.image;
        // It does more for convolutions, nothing for linear layers.
        match self.images >= LARGE && convolutions > linear_layers {
            true => &[Form::Fused, Form::Joined],
            false => &[Form::Joined],
        }
    }
}

/// What a trial found.
pub struct Outcome {
    /// The first batch's, in the form that was chosen.
    pub outputs: Vec<Tensor>,
    pub form: Form,
    /// What the user should know.
    pub notice: Option<String>,
}

/// Computes the first batch of a run in the first of the faster forms that is right. `turned` has the same images in
/// reverse.
///
/// # Errors
/// As [`Module::forward`] of the plain form. What the others fail with ends their trial only.
pub fn choose(
    module: &mut Module,
    [images, turned]: [&Tensor; 2],
    run: Size,
    tolerance: f64,
) -> Result<Outcome> {
    let plain = Plain::compute(module, images)?;
    let mut chosen = None;
    let mut notice = None;
    for &form in run.candidates() {
        match prove(module, form, [images, turned], &plain, tolerance) {
            Ok(outputs) => {
                chosen = Some((form, outputs));
                break;
            }
            Err(reason) => notice = notice.or(wrong(form, &reason, tolerance)),
        }
        module.drop_form(form);
    }
    module.drop_form(Form::Plain); // what was recorded
    let (form, outputs) = match chosen {
        Some(chosen) => chosen,
        None => (Form::Plain, module.forward(Form::Plain, images)?),
    };
    Ok(Outcome {
        outputs,
        form,
        notice,
    })
}

/// What the plain form computes, and how fast: of some images of the batch.
struct Plain {
    images: Tensor,
    outputs: Vec<Tensor>,
    time: Duration,
}

impl Plain {
    fn compute(module: &mut Module, batch: &Tensor) -> Result<Self> {
        let images = batch.f_narrow(0, 0, COMPARED.min(batch.size()[0]))?;
        let (outputs, time) = timed(module, Form::Plain, &images)?;
        Ok(Self {
            images,
            outputs,
            time,
        })
    }
}

/// Makes a form, computes the batch twice with it, and compares: the first images with the plain form's, all images
/// with each other. Returns the outputs.
///
/// # Errors
/// libtorch's; outputs that differ ([`Wrong`]); a form that is slower.
fn prove(
    module: &mut Module,
    form: Form,
    [images, turned]: [&Tensor; 2],
    plain: &Plain,
    tolerance: f64,
) -> Result<Vec<Tensor>> {
    let batch = images.size()[0];
    if form == Form::Fused {
        module.record(images)?; // it is for the shapes of one batch
    }
    module.make(form, batch as usize)?;
    let outputs = module.forward(form, images)?;
    let (again, time) = timed(module, form, turned)?;
    for ((output, again), plain) in outputs.iter().zip(&again).zip(&plain.outputs) {
        if output.size().first() != Some(&batch) {
            continue; // no row an image: not kept
        }
        let count = plain.size().first().copied().unwrap_or(0).min(batch);
        let first = distance(&output.f_narrow(0, 0, count)?, plain)?;
        let second = distance(&again.f_flip([0])?, output)?;
        for distance in [first, second] {
            ensure!(distance <= tolerance, Wrong(distance)); // NaN too
        }
    }
    ensure!(keeps_up(module, form, images, plain, time)?, "slower");
    Ok(outputs)
}

/// Whether a form is not slower than the plain one: it took `time`. If that was too long, both compute the batch again,
/// and their fastest calls count. So it is for a compiled graph in any case.
fn keeps_up(
    module: &mut Module,
    form: Form,
    images: &Tensor,
    plain: &Plain,
    time: Duration,
) -> Result<bool> {
    let more = images.size()[0] as f64 / plain.images.size()[0] as f64;
    let limit = limit(form);
    let mut keeps_up = form != Form::Fused && time <= plain.time.mul_f64(limit * more);
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..CALLS {
        if !keeps_up {
            for (fastest, form) in fastest.iter_mut().zip([Form::Plain, form]) {
                *fastest = timed(module, form, images)?.1.min(*fastest);
            }
            keeps_up = fastest[1] <= fastest[0].mul_f64(limit);
        }
    }
    Ok(keeps_up)
}

/// Times the plain form's time, what a form may take. Both lie far from what networks were seen to need, so that the
/// same run chooses the same form: joined ones 0.4 to 1, compiled graphs 0.6 to 1.1, or 1.5 and more (GoogLeNet).
fn limit(form: Form) -> f64 {
    match form {
        Form::Fused => 1.25,
        _ => 2.0,
    }
}

fn timed(module: &mut Module, form: Form, images: &Tensor) -> Result<(Vec<Tensor>, Duration)> {
    let started = Instant::now();
    let outputs = module.forward(form, images)?;
    Ok((outputs, started.elapsed()))
}

/// A form's activations are this far from the plain graph's.
#[derive(Debug, thiserror::Error)]
#[error("relative L2 distance {0:.1e}")]
struct Wrong(f64);

/// That a graph offers nothing to a form is no news; that it computed something else is.
fn wrong(form: Form, reason: &anyhow::Error, tolerance: f64) -> Option<String> {
    let Wrong(distance) = reason.downcast_ref()?;
    let tried = match form {
        Form::Fused => "oneDNN graph fusion",
        _ => "joining operations to their activations",
    };
    Some(format!(
        "{tried} changes this model's activations by {distance:.1e} (relative L2), more than {tolerance:.0e}: not used"
    ))
}

/// |a - b| / |b| over all elements; infinite where the shapes differ.
fn distance(a: &Tensor, b: &Tensor) -> Result<f64> {
    if a.size() != b.size() {
        return Ok(f64::INFINITY);
    }
    let float = |tensor: &Tensor| tensor.f_to_kind(Kind::Float);
    let (a, b) = (float(a)?, float(b)?);
    let apart = a.f_sub(&b)?.f_norm()?.double_value(&[]);
    Ok(match apart {
        0.0 => 0.0,
        _ => apart / b.f_norm()?.double_value(&[]),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_relative_and_never_right_by_accident() {
        let of = |values: &[f32]| {
            distance(
                &Tensor::from_slice(values),
                &Tensor::from_slice(&[3.0f32, 4.0]),
            )
            .unwrap()
        };
        assert_eq!(of(&[3.0, 4.0]), 0.0);
        assert!((of(&[3.0, 4.5]) - 0.1).abs() < 1e-6);
        assert_eq!(of(&[3.0]), f64::INFINITY);
        assert!(of(&[f32::NAN, 4.0]).is_nan());
    }
}
