//! The model of a shard: the first step that needs it loads it.

use crate::commands::extract::model::loaded_model::LoadedModel;
use crate::job::Job;
use crate::sources::Images;
use anyhow::Result;
use std::sync::Arc;

/// Loads the model once, and only when it is asked for: it is tried on images, which have to be found first.
pub struct LazyModel<'a> {
    job: &'a Job,
    loaded: Option<LoadedModel>,
}

impl<'a> LazyModel<'a> {
    pub fn new(job: &'a Job) -> Self {
        Self { job, loaded: None }
    }

    /// The model. The first call loads it, and tries it on these images.
    ///
    /// # Errors
    /// A model that cannot be loaded.
    pub fn get(&mut self, images: &Arc<Images>) -> Result<&mut LoadedModel> {
        match &mut self.loaded {
            Some(model) => Ok(model),
            none => Ok(none.insert(LoadedModel::load(self.job, images)?)),
        }
    }

    /// As [`Self::get`], to keep.
    ///
    /// # Errors
    /// As there.
    pub fn take(self, images: &Arc<Images>) -> Result<LoadedModel> {
        match self.loaded {
            Some(model) => Ok(model),
            None => LoadedModel::load(self.job, images),
        }
    }
}
