//! Which form of the graph computes a run.
//!
//! Before the first image the faster forms are made and timed, on blank images: what computing costs does not hang on
//! what it computes. Then the run's own first batch has to give the plain graph's numbers. A form was made and called
//! twice by then, for one has been seen to be right once and wrong ever after. All rows come from one form, on however
//! many devices, and the same run chooses the same one again: after an interruption, or in another shard, the last bits
//! of its rows are the same. So nothing here hangs on small differences in time.

use super::ffi::{Form, Module};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tch::{Kind, Tensor};

/// Calls after which a form that was slower in all of them is refused: other work on the machine holds up some.
const CALLS: usize = 6;
/// Times the plain form's time, what a form may take. It lies far from what networks were seen to need, 0.4 to 1.1, so
/// that the same run chooses the same form.
const LIMIT: f64 = 1.5;
/// Batches of a run that pay for a trial, which takes three.
const MANY: u64 = 16;
/// Images that the plain form computes while forms are timed.
pub const FEW: usize = 2;
/// Of the plain form's time for a few images, scaled to a batch: a form that takes less is as fast. More images at a
/// time take less each.
const PLAIN_TO_SEE: f64 = 0.75;

/// Whether a run of so many images is long enough for a trial.
pub fn is_worth_it(run_images: u64, batch: usize) -> bool {
    run_images >= MANY * batch as u64
}

/// The form that computes `batch` fastest; it is made. `few` are [`FEW`] images of the same kind.
///
/// # Errors
/// As [`Module::forward`] of the plain form. What the others fail with ends their trial only.
pub fn choose(module: &mut Module, [few, batch]: [&Tensor; 2]) -> Result<Form> {
    module.forward(Form::Plain, few)?; // a first call makes much that later ones find
    let plain = timed(module, Form::Plain, few)?.div_f64(few.size()[0] as f64);
    for form in [Form::Fused, Form::Joined] {
        if let Ok(true) = keeps_up(module, form, batch, plain) {
            return Ok(form);
        }
        module.drop_form(form);
    }
    Ok(Form::Plain)
}

/// Makes a form and tells whether it computes a batch as fast as the plain one, which takes the time `plain` for an
/// image of a few. If that is not plain to see, both compute the batch, and their fastest calls count.
///
/// # Errors
/// libtorch's: a graph that offers nothing to the form, for one.
fn keeps_up(module: &mut Module, form: Form, batch: &Tensor, plain: Duration) -> Result<bool> {
    let images = batch.size()[0];
    module.make(form, images as usize)?;
    module.forward(form, batch)?;
    if timed(module, form, batch)? <= plain.mul_f64(PLAIN_TO_SEE * images as f64) {
        return Ok(true);
    }
    let mut fastest = [Duration::MAX; 2];
    for _ in 0..CALLS {
        for (fastest, form) in fastest.iter_mut().zip([Form::Plain, form]) {
            *fastest = timed(module, form, batch)?.min(*fastest);
        }
        if fastest[1] <= fastest[0].mul_f64(LIMIT) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn timed(module: &mut Module, form: Form, images: &Tensor) -> Result<Duration> {
    let started = Instant::now();
    module.forward(form, images)?;
    Ok(started.elapsed())
}

/// Computes a batch in this form, and two of its images, the first and the last one, in the plain form. Their
/// activations have to agree.
///
/// # Errors
/// libtorch's; activations that differ by more than `tolerance` ([`Wrong`]).
pub fn prove(
    module: &mut Module,
    form: Form,
    batch: &Tensor,
    tolerance: f64,
) -> Result<Vec<Tensor>> {
    let images = batch.size()[0];
    let ends = Tensor::from_slice(&[0, images - 1]);
    let outputs = module.forward(form, batch)?;
    let plain = module.forward(Form::Plain, &batch.f_index_select(0, &ends)?)?;
    for (output, plain) in outputs.iter().zip(&plain) {
        if output.size().first() != Some(&images) {
            continue; // no row an image: not kept
        }
        let distance = distance(&output.f_index_select(0, &ends)?, plain)?;
        let wrong = Wrong {
            form,
            distance,
            tolerance,
        };
        ensure!(distance <= tolerance, wrong); // NaN too
    }
    Ok(outputs)
}

/// A form's activations are this far from the plain graph's.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} changes this model's activations by {distance:.1e} (relative L2), more than {tolerance:.0e}: not used",
    name(*form)
)]
pub struct Wrong {
    form: Form,
    distance: f64,
    tolerance: f64,
}

fn name(form: Form) -> &'static str {
    match form {
        Form::Fused => "oneDNN graph fusion",
        _ => "joining operations to their activations",
    }
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
