//! Which form of the graph computes.
//!
//! Each faster form is tried on the run's own first batches. It has to give the plain graph's numbers twice, for it has
//! been seen to be right once and wrong ever after, and in less time; until then the rows are the plain graph's.

use super::ffi::{Form, Module};
use anyhow::{Result, anyhow};
use std::time::{Duration, Instant};
use tch::{Kind, Tensor};

/// The faster forms, the one that is mostly the fastest first. One that is accepted ends the trial.
const CANDIDATES: [Form; 2] = [Form::Fused, Form::Packed];
/// Whole batches that a form has to get right.
const PROOFS: usize = 2;
/// Of the plain form's time, what a form may take to be worth its memory.
const WORTHWHILE: f64 = 0.98;

/// Of a run that is over sooner, making the faster forms would take a good part: seconds.
const SHORT: f64 = 4.0;

/// A trial in progress: feed it batches until it is over.
pub struct Trial {
    /// Batches that are to come.
    batches: u64,
    /// Largest relative L2 distance from the plain graph's activations.
    tolerance: f64,
    candidate: usize,
    /// Batches that the candidate got right so far.
    proofs: usize,
    is_first: bool,
}

/// What a batch brought.
pub struct Outcome {
    /// The plain graph's.
    pub outputs: Vec<Tensor>,
    /// The trial is over, and this form computes from now on.
    pub chosen: Option<Form>,
    /// What the user should know.
    pub notice: Option<String>,
}

impl Trial {
    /// For a run of so many batches.
    pub fn new(batches: u64, tolerance: f64) -> Self {
        Self {
            batches,
            tolerance,
            candidate: 0,
            proofs: 0,
            is_first: true,
        }
    }

    /// Computes one batch, in the plain form and in the one that is tried.
    ///
    /// # Errors
    /// As [`Module::forward`] of the plain form. What the others fail with ends their trial only.
    pub fn compute(&mut self, module: &mut Module, images: &Tensor) -> Result<Outcome> {
        let started = Instant::now();
        let is_first = std::mem::take(&mut self.is_first);
        let outputs = match is_first {
            true => module.record(images)?,
            false => module.forward(Form::Plain, images)?,
        };
        let plain = started.elapsed();
        let (chosen, notice) = match is_first && plain.as_secs_f64() * (self.batches as f64) < SHORT
        {
            true => (Some(Form::Plain), None),
            false => self.judge(module, images, &outputs, plain),
        };
        if chosen.is_some() {
            module.drop_form(Form::Plain); // what was recorded
        }
        Ok(Outcome {
            outputs,
            chosen,
            notice,
        })
    }

    /// Tries the candidate on a batch. Returns the form that is chosen, if any is, and what the user should know.
    fn judge(
        &mut self,
        module: &mut Module,
        images: &Tensor,
        expected: &[Tensor],
        plain: Duration,
    ) -> (Option<Form>, Option<String>) {
        let form = CANDIDATES[self.candidate];
        match self.prove(module, form, images, expected) {
            Ok(_) if self.proofs < PROOFS => (None, None),
            Ok(time) if time < plain.mul_f64(WORTHWHILE) => (Some(form), None),
            Ok(_) => (self.next(module), None),
            Err(reason) => (self.next(module), self.notice(form, &reason)),
        }
    }

    /// Computes the batch in the form that is tried, and compares. Returns the time that it took.
    fn prove(
        &mut self,
        module: &mut Module,
        form: Form,
        images: &Tensor,
        expected: &[Tensor],
    ) -> Result<Duration> {
        if self.proofs == 0 {
            module.make(form)?;
        }
        let started = Instant::now();
        let outputs = module.forward(form, images)?;
        let time = started.elapsed();
        for (output, expected) in outputs.iter().zip(expected) {
            let distance = distance(output, expected)?;
            if distance > self.tolerance || distance.is_nan() {
                return Err(anyhow!(Wrong(distance)));
            }
        }
        self.proofs += 1;
        Ok(time)
    }

    /// Goes on to the next candidate; the plain form, where there is none.
    fn next(&mut self, module: &mut Module) -> Option<Form> {
        module.drop_form(CANDIDATES[self.candidate]);
        self.candidate += 1;
        self.proofs = 0;
        (self.candidate == CANDIDATES.len()).then_some(Form::Plain)
    }

    /// That a graph offers nothing to a form is no news; that it computed something else is.
    fn notice(&self, form: Form, reason: &anyhow::Error) -> Option<String> {
        let Wrong(distance) = reason.downcast_ref()?;
        let tried = match form {
            Form::Fused => "oneDNN graph fusion",
            _ => "packing weights for oneDNN",
        };
        Some(format!(
            "{tried} changes this model's activations by {distance:.1e} (relative L2), more than {:.0e}: not used",
            self.tolerance
        ))
    }
}

/// A form's activations are this far from the plain graph's.
#[derive(Debug, thiserror::Error)]
#[error("relative L2 distance {0:.1e}")]
struct Wrong(f64);

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
