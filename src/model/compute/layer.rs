//! A layer of a cut model, as it was seen to be when the model was tried.

use crate::model::compute::variation::Variation;
use crate::model::reduce::{Projector, Reduction};
use crate::text::figures::row_shape;
use std::sync::Arc;

/// A layer, and the shape of one image's activation.
#[derive(Debug, Clone)]
pub struct Layer {
    pub name: String,
    /// As it is given back.
    pub shape: Vec<u64>,
    /// How its rows were seen to change from one computation to the next.
    pub varies: Option<Variation>,
    /// As the model gives it.
    pub whole: Vec<u64>,
    /// Before it is projected.
    pub(super) before: Vec<u64>,
    pub(super) projector: Option<Arc<Projector>>,
    /// Which of the cut's outputs it is.
    pub(super) output: usize,
}

impl Layer {
    pub(super) fn new(
        name: &str,
        output: usize,
        whole: Vec<u64>,
        before: Vec<u64>,
        reduction: Reduction,
    ) -> Self {
        let inputs = before.iter().product();
        let projector = reduction
            .project
            .filter(|project| inputs > project.outputs)
            .map(|project| Projector::new(name, inputs, project.outputs, project.seed));
        Self {
            name: name.to_owned(),
            shape: match (&projector, reduction.project) {
                (Some(_), Some(project)) => vec![project.outputs],
                _ => before.clone(),
            },
            varies: None,
            whole,
            before,
            projector: projector.map(Arc::new),
            output,
        }
    }

    /// Numbers of a row that become fewer by projection.
    pub fn projected_from(&self) -> Option<u64> {
        let projector = self.projector.as_ref();
        projector.map(|_| self.before.iter().product())
    }

    /// `'stage2#0' (32, 28, 28)`.
    pub(super) fn words(&self) -> String {
        format!("'{}' {}", self.name, row_shape(&self.shape))
    }
}
