//! Where images come from: which rows there are, in which order, and the bytes of each.

mod folder;
mod left_out;
mod list;
mod list_mistakes;
mod names;
mod quoting;
mod scan;

pub use folder::Images;
pub use left_out::{LeftOut, Others};
pub use list::{Outside, parse_list, read_list};
pub use names::FileNames;
pub use quoting::{names_of, quoted, unquoted};
pub use scan::{ENDINGS, Scan, scan};
