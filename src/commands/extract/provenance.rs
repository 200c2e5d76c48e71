//! What a run was computed with: `run.toml` records it, and the user is told of a resume with something else.

use crate::commands::extract::planning::plan::Plan;
use crate::model::{Extractor, FormsUsed};
use crate::run::record::Run;
use crate::text::printing::say;
use anyhow::Result;
use std::path::PathBuf;
use std::sync::Arc;

/// Records in `run.toml` which device and form rows came from.
#[derive(Clone)]
pub struct Provenance {
    out: PathBuf,
    device: Option<String>,
    /// The form that was chosen before the first row.
    chosen: &'static str,
    forms: Arc<FormsUsed>,
    /// A file has one writer: the process that does the whole run, or shard 0.
    is_writer: bool,
}

impl Provenance {
    pub fn new(plan: &Plan, extractor: &Extractor) -> Self {
        Self {
            out: plan.out.clone(),
            device: plan.run.device.clone(),
            chosen: extractor.form(),
            forms: extractor.forms_used.clone(),
            is_writer: plan.slice.shard.is_none_or(|shard| shard == 0),
        }
    }

    /// Adds what is not recorded yet. A failure costs no row, so it is only said.
    pub fn record(&self) {
        let form = self.forms.names().filter(|_| self.is_writer);
        if let Some(Err(error)) = form.map(|form| self.add_to_run(&form)) {
            let out = self.out.display();
            say(format_args!(
                "warning: the run.toml of '{out}' does not say what computed its rows: {error:#}"
            ));
        }
    }

    /// A run of an earlier version stays as it is: that version recorded nothing, so nobody knows where its rows came from.
    fn add_to_run(&self, form: &str) -> Result<()> {
        let held = Run::read(&self.out)?;
        if held.device.is_none() {
            return Ok(());
        }
        let mut now = held.clone();
        add(&mut now.device, self.device.as_deref().unwrap_or_default());
        add(&mut now.form, form);
        match now == held {
            true => Ok(()),
            false => now.write(&self.out),
        }
    }

    /// The forms that this process's rows came from, or the one that was chosen if it had no row to compute.
    pub fn form(&self) -> String {
        self.forms.names().unwrap_or_else(|| self.chosen.to_owned())
    }

    /// The line about a resume on another device, in another form, or with another libtorch. There is none if all are the
    /// same, or not known.
    pub fn changes(&self, plan: &Plan) -> Option<String> {
        let held = plan.held()?;
        let run = &plan.run;
        let facts = [
            ("device", &held.device, run.device.as_deref()),
            ("form", &held.form, Some(self.chosen)),
            ("libtorch", &held.libtorch, run.libtorch.as_deref()),
        ];
        let changed: Vec<String> = facts
            .into_iter()
            .filter_map(|(what, held, now)| {
                let (held, now) = (held.as_ref()?, now?);
                (held != now).then(|| format!("{what} {held}, now {now}"))
            })
            .collect();
        (!changed.is_empty()).then(|| {
            format!(
                "{} began with {}: the last digits of its rows may differ",
                plan.place(),
                changed.join("; ")
            )
        })
    }
}

/// Adds the names that the list, which is separated by commas, does not have.
fn add(list: &mut Option<String>, names: &str) {
    let held = list.get_or_insert_default();
    for name in names.split(',') {
        if held.split(',').all(|other| other != name) {
            let comma = if held.is_empty() { "" } else { "," };
            *held += &format!("{comma}{name}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::add;

    #[test]
    fn names_are_added_once() {
        let mut list = None;
        for names in ["cpu", "cpu", "cuda:0,cpu"] {
            add(&mut list, names);
        }
        assert_eq!(list.as_deref(), Some("cpu,cuda:0"));
    }
}
