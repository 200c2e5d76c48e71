//! What only makes a model faster, and proves itself before a row comes from it.

pub mod deviation;
pub mod trial;
