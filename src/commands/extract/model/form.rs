//! The form of the graph that rows come from.

use crate::cli::choices::FormChoice;
use crate::commands::extract::planning::plan::Plan;
use crate::job::Job;
use crate::model::{Extractor, Form, FormWish};
use anyhow::Result;

/// Chooses the form if the user leaves it open and the budget has room. A run that goes on keeps the form that it began
/// with, so that it ends in the same bytes however busy the machine is.
///
/// # Errors
/// A form that cannot be tried.
pub fn choose(job: &Job, plan: &mut Plan, extractor: &mut Extractor) -> Result<()> {
    let held = plan.held();
    let same_device = held.filter(|held| held.device == plan.run.device);
    let form = same_device.and_then(|held| Form::named(held.form.as_deref()?));
    let wish = match (job.form, form) {
        (FormChoice::Auto, Some(form)) => FormWish::As(form),
        (FormChoice::Auto, None) => FormWish::Fastest,
        (FormChoice::Faster, _) => FormWish::Faster,
        (FormChoice::Plain, _) => FormWish::As(Form::Plain),
    };
    if wish != FormWish::As(Form::Plain) && plan.allow(extractor.bytes_of_faster_forms()) {
        extractor.choose_form(wish)?;
    }
    Ok(())
}
