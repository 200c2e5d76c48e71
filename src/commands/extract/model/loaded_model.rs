//! The model of a shard, and the run that it would begin.

use crate::batch::Shard;
use crate::commands::extract::images::listing::Listing;
use crate::commands::extract::model::load::load_model;
use crate::commands::extract::model::probe::probe;
use crate::commands::extract::model::{batch_size, varying};
use crate::commands::extract::planning::description::describe;
use crate::job::Job;
use crate::memory::Forecast;
use crate::model::Extractor;
use crate::run::record::Run;
use crate::sources::Images;
use anyhow::Result;
use std::sync::Arc;

pub struct LoadedModel {
    pub extractor: Extractor,
    pub fingerprint: String,
    /// Images a forward pass, once they are set.
    batch: Option<u64>,
}

impl LoadedModel {
    /// # Errors
    /// A model that cannot be read, or that cannot compute these images.
    pub fn load(job: &Job, images: &Arc<Images>) -> Result<Self> {
        let (extractor, fingerprint) = load_model(job, probe(job, images))?;
        Ok(Self {
            extractor,
            fingerprint,
            batch: None,
        })
    }

    /// Sets the model's batch size. If it has that size already, nothing is tried or said a second time.
    ///
    /// # Errors
    /// A layer that gives no row an image, or whose rows depend on more than their images.
    pub fn set_batch(&mut self, job: &Job, batch: u64) -> Result<()> {
        if self.batch != Some(batch) {
            batch_size::set(&mut self.extractor, batch)?;
            varying::refuse(job, &self.extractor)?;
            self.batch = Some(batch);
        }
        Ok(())
    }

    /// The run, as its first process describes it. The model takes batches of its size from then on.
    ///
    /// # Errors
    /// As [`Self::set_batch`]; a machine whose memory cannot be read.
    pub fn first_run(
        &mut self,
        job: &Job,
        shard: Shard,
        listed: &Listing,
    ) -> Result<(Run, Forecast)> {
        let own_names = listed.bytes / shard.count;
        let forecast = batch_size::forecast(job, &listed.first, &self.extractor)?;
        let forecast = forecast.holding(own_names);
        let batch = batch_size::choose(job, &self.extractor, &forecast, listed.list.images);
        self.set_batch(job, batch)?;
        let run = describe(job, &listed.list, &self.extractor, &self.fingerprint, batch);
        let shards = shard.count;
        Ok((Run { shards, ..run }, forecast))
    }
}
