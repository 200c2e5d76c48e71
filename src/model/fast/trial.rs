//! Which form of the graph computes a run.
//!
//! Before the first image the faster forms are made, proved and timed, on noise: what computing costs does not depend
//! on what it computes. Each is called twice, for one has been seen to be right once and wrong ever after. Then the
//! run's own first batch has to give the plain graph's numbers. All rows come from one form, on however many devices,
//! and the same run chooses the same one again: after an interruption, or in another shard, the last bits of its rows
//! are the same. So nothing here depends on small differences in time.

use crate::model::fast::deviation::{Deviation, distance};
use crate::model::ffi::Module;
use crate::model::form::{Form, FormWish};
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};
use tch::Tensor;

/// Calls after which a form that was slower in all of them is refused: other work on the machine holds up some.
const CALLS: usize = 6;
/// Batches of a run that pay for a trial, which takes three.
const MANY: u64 = 16;
/// Images that the plain form computes, one by one, while others are tried. It computes single images when a form is
/// proved, too; what libtorch prepares for one image is ready by then.
pub const FEW: usize = 2;
/// Of the plain form's time for one image, scaled to a batch: a form that takes less is as fast. More images at a time
/// take less each.
const CLEARLY_AS_FAST: f64 = 0.6;
/// Networks that compute a batch in less are timed whole in both forms: a single image costs them much besides itself, and
/// a batch costs little.
const SHORT: Duration = Duration::from_millis(100);

/// Whether a run of so many images is long enough for a trial.
pub fn is_worth_it(run_images: u64, batch: usize) -> bool {
    run_images >= MANY * batch as u64
}

/// What the plain form gives for a few images. Other forms are compared with it.
struct PlainOutputs<'a> {
    images: &'a Tensor,
    /// Of each image.
    outputs: Vec<Vec<Tensor>>,
    /// Of one image.
    time: Duration,
}

/// The form that computes batches of so many images fastest, of those that agree with the plain one to `tolerance`; it
/// is made; or what else is wished. `images`: [`FEW`]. Also says which form was wrong, the first one where both were.
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
    let (mut outputs, mut time) = (Vec::new(), Duration::MAX);
    for image in 0..images.size()[0] {
        let (output, taken) = timed(module, Form::Plain, &take(images, &[image])?)?;
        outputs.push(output);
        // A first call makes much that later ones find.
        time = taken / module.batch.fixed().unwrap_or(1) as u32;
    }
    let plain = PlainOutputs {
        images,
        outputs,
        time,
    };
    let mut wrong = None;
    let is_timed = wish == FormWish::Fastest;
    for form in wish.forms() {
        let made = module.make(form, batch);
        let last = made.and_then(|()| agrees(module, form, batch, &plain, tolerance));
        match last.and_then(|last| Ok(!is_timed || keeps_up(module, form, &plain, last)?)) {
            Ok(true) => return Ok((form, wrong)),
            Ok(false) => {}
            Err(reason) => wrong = wrong.or(reason.downcast().ok()), // or libtorch cannot make it
        }
        module.drop_form(form);
    }
    Ok((Form::Plain, wrong))
}

/// Computes two batches in a form whose rows have to be the plain form's; gives the second one, and the time it took.
///
/// # Errors
/// libtorch's: a graph that offers nothing to the form, for one. Rows that differ ([`Deviation`]).
fn agrees(
    module: &mut Module,
    form: Form,
    batch: usize,
    plain: &PlainOutputs,
    tolerance: f64,
) -> Result<(Tensor, Duration)> {
    let few = plain.images.size()[0];
    let in_turn: Vec<i64> = (0..batch as i64).map(|row| row % few).collect();
    let mixed: Vec<i64> = (0..batch as i64)
        .map(|row| i64::from(row.count_ones()) % few)
        .collect();
    let (mut images, mut time) = (Tensor::new(), Duration::MAX);
    for order in [in_turn, mixed] {
        images = take(plain.images, &order)?;
        let (outputs, taken) = timed(module, form, &images)?;
        let rows = (0..).zip(order.iter().map(|&image| &plain.outputs[image as usize]));
        ensure_equal(
            form,
            &outputs,
            &rows.collect::<Vec<_>>(),
            batch as i64,
            tolerance,
        )?;
        time = taken;
    }
    Ok((images, time))
}

/// Whether a form that computed these images in this time is as fast as the plain one. If that is not clear from it, both
/// compute them, and their fastest calls count.
///
/// # Errors
/// libtorch's.
fn keeps_up(
    module: &mut Module,
    form: Form,
    plain: &PlainOutputs,
    (images, mut time): (Tensor, Duration),
) -> Result<bool> {
    let one_by_one = plain.time * images.size()[0] as u32;
    if one_by_one > SHORT && time <= one_by_one.mul_f64(CLEARLY_AS_FAST) {
        return Ok(true);
    }
    let mut fastest = Duration::MAX;
    for _ in 0..CALLS {
        fastest = timed(module, Form::Plain, &images)?.1.min(fastest);
        if time <= fastest.mul_f64(limit(form)) {
            return Ok(true);
        }
        time = timed(module, form, &images)?.1.min(time);
    }
    Ok(false)
}

/// Times the plain form's time, what a form may take. It lies far from what networks were seen to need, 0.4 to 1.1, so
/// that the same run chooses the same form; but oneDNN's compiler was seen to slow some down.
fn limit(form: Form) -> f64 {
    match form {
        Form::Fused => 1.25,
        _ => 1.5,
    }
}

fn timed(module: &mut Module, form: Form, images: &Tensor) -> Result<(Vec<Tensor>, Duration)> {
    let started = Instant::now();
    let outputs = module.forward(form, images)?;
    Ok((outputs, started.elapsed()))
}

/// Computes a batch in this form, and `images` of it, the last one or the last and the first one, in the plain form.
/// Their activations have to agree.
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

/// Compares rows of a form's outputs with what the plain form makes of the same images: `rows` has the number of each,
/// and its image's outputs.
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
