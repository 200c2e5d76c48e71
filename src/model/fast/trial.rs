//! Which form of the graph computes a run.
//!
//! Before the first image the faster forms are made, proved and timed on noise: the time for a batch does not depend on
//! what it shows. Each form is called twice, because one was seen to be right once and wrong ever after. Then the run's
//! own first batch has to give the plain graph's numbers.
//!
//! All rows come from one form, however many devices compute. The same run chooses the same form again, after an
//! interruption or in another shard, so that the last bits of its rows are the same. So nothing here depends on small
//! differences in time.

use crate::model::fast::deviation::{Deviation, distance};
use crate::model::ffi::Module;
use crate::model::form::{Form, FormWish};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tch::Tensor;

/// Calls of each form before a form that was always slower is refused: other work on the machine slows some calls down.
const CALLS: usize = 6;
/// A trial takes the time of three batches. Runs of at least this many batches pay for it.
const MANY: u64 = 16;
/// Images that the plain form computes, one by one, while others are tried. It computes single images when a form is
/// proved, too; what libtorch prepares for one image is ready by then.
pub const FEW: usize = 2;
/// A form is as fast if it takes less than this share of the plain form's time for one image, times the batch. The share
/// is below 1 because an image of a batch takes less time than an image alone.
const CLEARLY_AS_FAST: f64 = 0.6;
/// Networks that compute a batch in less time than this are timed on whole batches in both forms: for them the cost of a
/// call counts more than that of an image, and a batch costs little.
const SHORT: Duration = Duration::from_millis(100);

/// Whether a run of this many images is long enough for a trial.
pub fn is_worth_it(run_images: u64, batch: usize) -> bool {
    run_images >= MANY * batch as u64
}

/// What a call gave, and the time that it took.
struct Timed {
    outputs: Vec<Tensor>,
    time: Duration,
}

/// A batch whose rows were right, and the time that a form took for it.
struct RightBatch {
    images: Tensor,
    time: Duration,
}

/// What the plain form gives for a few images. Other forms are compared with it.
struct PlainOutputs<'a> {
    images: &'a Tensor,
    /// Of each image.
    outputs: [Vec<Tensor>; FEW],
    /// Of one image.
    time: Duration,
}

impl<'a> PlainOutputs<'a> {
    fn compute(module: &mut Module, images: &'a Tensor) -> Result<Self> {
        let mut one = |image| timed(module, Form::Plain, &take(images, &[image])?);
        // The second call is the one that counts: the first makes much that later ones find.
        let (first, second) = (one(0)?, one(1)?);
        Ok(Self {
            images,
            outputs: [first.outputs, second.outputs],
            time: second.time / module.batch.fixed().unwrap_or(1) as u32,
        })
    }
}

/// Finds the form that computes batches of `batch` images fastest, among those that agree with the plain form to
/// `tolerance`, and leaves it made. With another wish, time does not count: the first that agrees is taken. `images`:
/// [`FEW`]. Also returns what was wrong with the first form that did not agree.
///
/// # Errors
/// As [`Module::forward`] of the plain form. What the others fail with ends their trial only.
pub fn choose(
    module: &mut Module,
    images: &Tensor,
    batch: usize,
    tolerance: f64,
    wish: FormWish,
) -> Result<(Form, Option<Deviation>)> {
    let plain = PlainOutputs::compute(module, images)?;
    let mut wrong = None;
    let is_timed = wish == FormWish::Fastest;
    for form in wish.forms() {
        let made = module.make(form, batch);
        let right = made.and_then(|()| agrees(module, form, batch, &plain, tolerance));
        match right.and_then(|right| Ok(!is_timed || keeps_up(module, form, &plain, right)?)) {
            Ok(true) => return Ok((form, wrong)),
            Ok(false) => {}
            Err(reason) => wrong = wrong.or(reason.downcast().ok()), // or libtorch cannot make it
        }
        module.drop_form(form);
    }
    Ok((Form::Plain, wrong))
}

/// Computes two batches in a form, and compares their rows with the plain form's. Returns the second one.
///
/// # Errors
/// libtorch's: a graph that offers nothing to the form, for one. Rows that differ ([`Deviation`]).
fn agrees(
    module: &mut Module,
    form: Form,
    batch: usize,
    plain: &PlainOutputs,
    tolerance: f64,
) -> Result<RightBatch> {
    let rows = 0..batch;
    let in_turn: Vec<usize> = rows.clone().map(|row| row % FEW).collect();
    let mixed: Vec<usize> = rows.map(|row| row.count_ones() as usize % FEW).collect();
    agrees_on(module, form, &in_turn, plain, tolerance)?;
    agrees_on(module, form, &mixed, plain, tolerance)
}

/// Computes a batch that repeats the plain form's images in this order.
///
/// # Errors
/// As [`agrees`].
fn agrees_on(
    module: &mut Module,
    form: Form,
    order: &[usize],
    plain: &PlainOutputs,
    tolerance: f64,
) -> Result<RightBatch> {
    let numbers: Vec<i64> = order.iter().map(|&image| image as i64).collect();
    let images = take(plain.images, &numbers)?;
    let Timed { outputs, time } = timed(module, form, &images)?;
    let rows = (0..).zip(order.iter().map(|&image| &plain.outputs[image]));
    let rows: Vec<_> = rows.collect();
    ensure_equal(form, &outputs, &rows, order.len() as i64, tolerance)?;
    Ok(RightBatch { images, time })
}

/// Whether a form is as fast as the plain one. If its one time for this batch does not make it clear, both forms compute
/// the batch again, and their fastest calls count.
///
/// # Errors
/// libtorch's.
fn keeps_up(
    module: &mut Module,
    form: Form,
    plain: &PlainOutputs,
    RightBatch { images, mut time }: RightBatch,
) -> Result<bool> {
    let one_by_one = plain.time * images.size()[0] as u32;
    if one_by_one > SHORT && time <= one_by_one.mul_f64(CLEARLY_AS_FAST) {
        return Ok(true);
    }
    let mut plain_time = timed(module, Form::Plain, &images)?.time;
    for _ in 1..CALLS {
        if time <= plain_time.mul_f64(limit(form)) {
            return Ok(true);
        }
        time = time.min(timed(module, form, &images)?.time);
        plain_time = plain_time.min(timed(module, Form::Plain, &images)?.time);
    }
    Ok(time <= plain_time.mul_f64(limit(form)))
}

/// The most time that a form may take, as a multiple of the plain form's. It lies far from what networks were seen to
/// need, 0.4 to 1.1, so that the same run chooses the same form. oneDNN's compiler was seen to slow some networks down.
fn limit(form: Form) -> f64 {
    match form {
        Form::Fused => 1.25,
        _ => 1.5,
    }
}

fn timed(module: &mut Module, form: Form, images: &Tensor) -> Result<Timed> {
    let started = Instant::now();
    let outputs = module.forward(form, images)?;
    let time = started.elapsed();
    Ok(Timed { outputs, time })
}

/// Computes a batch in this form, and some of its images in the plain form too: their activations have to agree.
/// `images`: 1 for the last image, 2 for the last and the first.
///
/// # Errors
/// libtorch's; activations that differ by more than `tolerance` ([`Deviation`]).
pub fn prove(
    module: &mut Module,
    form: Form,
    batch: &Tensor,
    images: usize,
    tolerance: f64,
) -> Result<Vec<Tensor>> {
    let outputs = module.forward(form, batch)?;
    let count = batch.size()[0];
    for &row in &[count - 1, 0][..images] {
        let plain = module.forward(Form::Plain, &take(batch, &[row])?)?;
        ensure_equal(form, &outputs, &[(row, &plain)], count, tolerance)?;
    }
    Ok(outputs)
}

/// Some of the images, in the same memory order, which `index_select` does not keep.
fn take(images: &Tensor, rows: &[i64]) -> Result<Tensor> {
    let mut size = images.size();
    size[0] = rows.len() as i64;
    let options = (images.kind(), images.device());
    let mut taken = Tensor::f_empty_strided(&size, images.stride(), options)?;
    taken.f_copy_(&images.f_index_select(0, &Tensor::from_slice(rows))?)?;
    Ok(taken)
}

/// Compares rows of a form's outputs with what the plain form gives for the same images. `rows`: the number of each row,
/// and the plain form's outputs for its image.
///
/// # Errors
/// libtorch's; [`Deviation`].
fn ensure_equal(
    form: Form,
    outputs: &[Tensor],
    rows: &[(i64, &Vec<Tensor>)],
    batch: i64,
    tolerance: f64,
) -> Result<()> {
    for (layer, output) in outputs.iter().enumerate() {
        if output.size().first() != Some(&batch) {
            continue; // no row an image: not kept
        }
        let pairs: Vec<_> = rows
            .iter()
            .map(|&(row, plain)| (row, &plain[layer]))
            .collect();
        let distance = distance(output, &pairs)?;
        let wrong = Deviation {
            form,
            distance,
            tolerance,
        };
        ensure!(distance <= tolerance, wrong); // NaN too
    }
    Ok(())
}
