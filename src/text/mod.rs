//! What a person reads: numbers, tables, progress, names of options, and messages about TOML.

pub mod contained;
pub mod exporter;
pub mod figures;
pub mod printing;
pub mod progress;
pub mod python;
pub mod shell;
pub mod spelling;
pub mod table;
pub mod toml_file;
