//! What a model is tried on.

use crate::commands::extract::images::listing::FEW;
use crate::images::Preprocessor;
use crate::job::Job;
use crate::model::{PROBED, Probe};
use crate::pipeline::ORDINARY;
use crate::sources::{Images, RowReader};
use std::sync::Arc;

/// Those of the run's first few images that can be read.
pub fn probe(job: &Job, images: &Arc<Images>) -> Probe {
    let mut preprocessor = Preprocessor::new(&job.preprocess);
    preprocessor.set_limit(Some(ORDINARY)); // a larger one would have to wait for memory
    let mut probe = Probe {
        are_values: images.are_values(),
        ..Probe::default()
    };
    let (mut reader, mut bytes) = (RowReader::new(images), Vec::new());
    for row in images.rows().take(FEW) {
        if probe.images.len() == PROBED {
            break;
        }
        let mut pixels = vec![0; images.item_bytes(&job.preprocess)];
        // The error of a broken image comes when its row is computed.
        let read = reader.read(row, &mut bytes);
        if read.is_ok_and(|item| item.decode(&bytes, &mut preprocessor, &mut pixels).is_ok()) {
            probe.images.push(pixels);
        }
    }
    probe
}
