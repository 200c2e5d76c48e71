//! Which form of the graph computes a run.
//!
//! Each faster form is tried on the run's own first batch. It has to give the plain graph's numbers twice, the second
//! time with the images in another order, for it has been seen to be right once and wrong ever after; and it must not be
//! slower. All rows then come from one form, and the same run chooses the same one again: after an interruption, or in
//! another shard, the last bits of its rows are the same. So nothing here hangs on small differences in time.

use super::ffi::{Form, Module};
use anyhow::{Result, anyhow};
use std::time::{Duration, Instant};
use tch::{Kind, Tensor};

/// The faster forms, the one that is mostly the fastest first.
const CANDIDATES: [Form; 2] = [Form::Fused, Form::Packed];
/// Times the plain form's first call, what a form's second call may take. That first call is a slow one.
const SLOWER: f64 = 1.5;
/// Multiplications of a run that is too short to make the faster forms for: a second or two on two cores.
const SHORT: f64 = 2e11;
/// Batches of a run that are too few for a trial, which takes two.
const FEW: u64 = 16;

/// What a trial found.
pub struct Outcome {
    /// The first batch's, in the form that was chosen.
    pub outputs: Vec<Tensor>,
    pub form: Form,
    /// What the user should know.
    pub notice: Option<String>,
}

/// Computes the first batch in the plain form and the faster ones, of a run of so many images. `turned` has the same
/// images in reverse.
///
/// # Errors
/// As [`Module::forward`] of the plain form. What the others fail with ends their trial only.
pub fn choose(
    module: &mut Module,
    images: &Tensor,
    turned: &Tensor,
    run_images: u64,
    tolerance: f64,
) -> Result<Outcome> {
    let batch = images.size()[0] as u64;
    if run_images < FEW * batch {
        return Ok(Outcome {
            outputs: module.forward(Form::Plain, images)?,
            form: Form::Plain,
            notice: None,
        });
    }
    let started = Instant::now();
    let plain = module.record(images)?;
    let limit = started.elapsed().mul_f64(SLOWER);
    let mut chosen = None;
    let mut notice = None;
    if module.multiplications(batch)? * run_images as f64 >= SHORT {
        for form in CANDIDATES {
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
    }
    module.drop_form(Form::Plain); // what was recorded
    let (form, outputs) = chosen.unwrap_or((Form::Plain, plain));
    Ok(Outcome {
        outputs,
        form,
        notice,
    })
}

/// Makes a form, and compares what it computes with the plain form's. Returns that, and the time of the second call.
fn prove(
    module: &mut Module,
    form: Form,
    [images, turned]: [&Tensor; 2],
    plain: &[Tensor],
    tolerance: f64,
) -> Result<(Vec<Tensor>, Duration)> {
    module.make(form)?;
    let outputs = module.forward(form, images)?;
    let started = Instant::now();
    let again = module.forward(form, turned)?;
    let time = started.elapsed();
    for ((output, again), plain) in outputs.iter().zip(&again).zip(plain) {
        let (first, second) = (
            distance(output, plain)?,
            distance(&again.f_flip([0])?, plain)?,
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
