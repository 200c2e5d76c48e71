//! The model of a shard, which several steps need and one of them loads.

use crate::batch::Shard;
use crate::commands::extract::description::describe;
use crate::commands::extract::listing::Listing;
use crate::commands::extract::load::load_model;
use crate::commands::extract::probe::probe;
use crate::commands::extract::{batch_size, varying};
use crate::job::Job;
use crate::memory::Forecast;
use crate::model::Extractor;
use crate::run::record::Run;
use crate::sources::Images;
use anyhow::Result;
use std::sync::Arc;

/// The model, and the batch size that it is set to.
pub struct LoadedModel {
    pub extractor: Extractor,
    pub fingerprint: String,
    pub batch: Option<u64>,
}

/// The model, loaded once there are images to try it on.
pub fn load<'a>(
    job: &Job,
    images: &Arc<Images>,
    loaded: &'a mut Option<LoadedModel>,
) -> Result<&'a mut LoadedModel> {
    if loaded.is_none() {
        let (extractor, fingerprint) = load_model(job, probe(job, images))?;
        *loaded = Some(LoadedModel {
            extractor,
            fingerprint,
            batch: None,
        });
    }
    Ok(loaded.as_mut().expect("it is loaded"))
}

/// The run, as its first process describes it.
pub fn first_run(
    job: &Job,
    shard: Shard,
    listed: &Listing,
    loaded: &mut LoadedModel,
) -> Result<(Run, Forecast)> {
    let extractor = &mut loaded.extractor;
    let own_names = listed.bytes / shard.count;
    let forecast = batch_size::forecast(job, &listed.first, extractor)?.holding(own_names);
    let batch = batch_size::choose(job, extractor, &forecast, listed.list.images);
    batch_size::set(extractor, batch)?;
    varying::refuse(job, extractor)?;
    let run = describe(job, &listed.list, extractor, &loaded.fingerprint, batch);
    let shards = shard.count;
    Ok((Run { shards, ..run }, forecast))
}
