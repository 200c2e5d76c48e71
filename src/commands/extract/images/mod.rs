//! Which images the run has: searched for when it begins, and read from its directory after that.

pub mod change;
pub mod image_list;
pub mod kept;
pub mod kept_places;
pub mod list_writer;
pub mod listing;
pub mod names;
pub mod sources;
