//! Which form of the graph computes a run.
//!
//! Each faster form is tried on the run's own first batch. It has to give the plain graph's numbers, and the same ones
//! again with the images in another order, for it has been seen to be right once and wrong ever after; and it must not
//! be slower. All rows then come from one form, and the same run chooses the same one again: after an interruption, or in
//! another shard, the last bits of its rows are the same. So nothing here hangs on small differences in time.

use super::ffi::{Form, Module};
use anyhow::{Result, anyhow};
use std::time::{Duration, Instant};
use tch::{Kind, Tensor};

/// Times the plain form's time for the same images, what a form's second call may take: those that are not slower have
/// a first call of the plain form to beat.
const SLOWER: f64 = 1.5;
/// Multiplications of a run that pay for oneDNN's graph compiler: a second or two on two cores.
const LONG: f64 = 2e11;
/// Batches of a run that pay for a trial, which takes two.
const MANY: u64 = 16;
/// Images that the plain form computes for comparison.
const COMPARED: i64 = 2;

/// Whether a run of so many images is long enough for a trial.
pub fn is_worth_it(run_images: u64, batch: usize) -> bool {
    run_images >= MANY * batch as u64
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
/// reverse; `run_cost` is the multiplications of the whole run.
///
/// # Errors
/// As [`Module::forward`] of the plain form. What the others fail with ends their trial only.
pub fn choose(
    module: &mut Module,
    [images, turned]: [&Tensor; 2],
    run_cost: f64,
    tolerance: f64,
) -> Result<Outcome> {
    let candidates: &[Form] = match run_cost >= LONG {
        true => &[Form::Joined, Form::Fused, Form::Packed],
        false => &[Form::Joined],
    };
    let some = images.f_narrow(0, 0, COMPARED.min(images.size()[0]))?;
    let started = Instant::now();
    let plain = module.forward(Form::Plain, &some)?;
    let each = started.elapsed().div_f64(some.size()[0] as f64);
    let limit = each.mul_f64(SLOWER * images.size()[0] as f64);
    let mut chosen = None;
    let mut notice = None;
    for &form in candidates {
        match prove(module, form, [images, turned], &plain, tolerance) {
            Ok((outputs, time)) if time < limit => {
                chosen = Some((form, outputs));
                break;
            }
            Ok(_) => {}
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

/// Makes a form, computes the batch twice with it, and compares: the first images with the plain form's, all images
/// with each other. Returns the outputs, and the time of the second call.
fn prove(
    module: &mut Module,
    form: Form,
    [images, turned]: [&Tensor; 2],
    plain: &[Tensor],
    tolerance: f64,
) -> Result<(Vec<Tensor>, Duration)> {
    let batch = images.size()[0];
    if form == Form::Fused {
        module.record(images)?; // it is for the shapes of one batch
    }
    module.make(form, batch as usize)?;
    let outputs = module.forward(form, images)?;
    let started = Instant::now();
    let again = module.forward(form, turned)?;
    let time = started.elapsed();
    for ((output, again), plain) in outputs.iter().zip(&again).zip(plain) {
        if output.size().first() != Some(&batch) {
            continue; // no row an image: not kept
        }
        let compared =
            output.f_narrow(0, 0, plain.size().first().copied().unwrap_or(0).min(batch))?;
        let (first, second) = (
            distance(&compared, plain)?,
            distance(&again.f_flip([0])?, output)?,
        );
        let worst = if first > second || first.is_nan() {
            first
        } else {
            second
        };
        if worst > tolerance || worst.is_nan() {
            return Err(anyhow!(Wrong(worst)));
        }
    }
    Ok((outputs, time))
}

/// A form's activations are this far from the plain graph's.
#[derive(Debug, thiserror::Error)]
#[error("relative L2 distance {0:.1e}")]
struct Wrong(f64);

/// That a graph offers nothing to a form is no news; that it computed something else is.
fn wrong(form: Form, reason: &anyhow::Error, tolerance: f64) -> Option<String> {
    let Wrong(distance) = reason.downcast_ref()?;
    let tried = match form {
        Form::Joined => "joining convolutions to their activations",
        Form::Fused => "oneDNN graph fusion",
        _ => "packing weights for oneDNN",
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
