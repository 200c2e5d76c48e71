//! Where images come from: which rows there are, in which order, and the bytes of each.

mod folder;
mod list;
mod names;
mod scan;

pub use folder::Images;
pub use list::{Outside, parse_list, read_list};
pub use names::FileNames;
pub use scan::{ENDINGS, Others, Scan, scan};
