/// What the name of a result in the making ends in while its parts are removed.
pub const ENDING: &str = ".merging";
