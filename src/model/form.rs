//! How a cut graph computes. One type for each question:
//! - [`Form`]: which form computes; `featx_form` in `ffi/module.h` is the same for C++;
//! - [`FormWish`]: which forms a run is to try, after `--form` and what an interrupted run was computed in;
//! - [`FormsUsed`]: which forms rows came from.
//!
//! What the user types, `--form`, is `FormChoice` in `cli/choices/`: it knows neither the names of the faster forms nor
//! the form of an interrupted run.

use std::sync::atomic::{AtomicU8, Ordering};

/// A form of the graph. The numbers are those of `featx_form` in `ffi/module.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Operation by operation.
    Plain,
    /// Convolutions and linear layers joined to their activations, weights packed for oneDNN.
    Joined,
    /// The same, and what follows convolutions joined to them by oneDNN's graph compiler.
    Fused,
}

/// Which form a run is to be computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FormWish {
    /// The fastest that gives the model's own rows.
    Fastest,
    /// The first faster form that gives the model's own rows, whatever time it takes.
    Faster,
    /// This one, if it gives the model's own rows: the user asks for it, or the run's first rows came from it.
    As(Form),
}

impl FormWish {
    /// The forms to try, in order.
    pub fn forms(self) -> Vec<Form> {
        match self {
            Self::Fastest | Self::Faster => vec![Form::Fused, Form::Joined],
            Self::As(Form::Plain) => Vec::new(),
            Self::As(form) => vec![form],
        }
    }
}

const FORMS: [Form; 3] = [Form::Plain, Form::Joined, Form::Fused];

impl Form {
    /// The form of this name; `None` for several names.
    pub fn named(name: &str) -> Option<Self> {
        FORMS.into_iter().find(|form| form.name() == name)
    }

    /// As the summary and `run.toml` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Joined => "joined",
            Self::Fused => "fused",
        }
    }

    /// What a form other than the plain one does, for messages.
    pub fn in_words(self) -> &'static str {
        match self {
            Self::Fused => "oneDNN graph fusion",
            _ => "joining operations to their activations",
        }
    }
}

/// The forms that rows came from, of a model and its replicas together.
#[derive(Debug, Default)]
pub struct FormsUsed(AtomicU8);

impl FormsUsed {
    pub fn note(&self, form: Form) {
        self.0.fetch_or(1 << form as u8, Ordering::Relaxed);
    }

    /// One name; several, with commas, if a form failed on the way; `None` before the first row.
    pub fn names(&self) -> Option<String> {
        let seen = self.0.load(Ordering::Relaxed);
        let used = FORMS
            .iter()
            .filter(|&&form| seen & (1 << form as u8) != 0)
            .map(|form| form.name());
        let names: Vec<&str> = used.collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_that_gave_rows_are_named() {
        let used = FormsUsed::default();
        assert_eq!(used.names(), None);
        used.note(Form::Joined);
        assert_eq!(used.names().as_deref(), Some("joined"));
        used.note(Form::Plain);
        assert_eq!(used.names().as_deref(), Some("plain,joined"));
    }
}
