//! The model of the run: loaded, tried, and told its batches, form and lanes.

pub mod batch_size;
pub mod form;
pub mod lanes;
pub mod lazy_model;
pub mod load;
pub mod loaded_model;
pub mod probe;
pub mod varying;
