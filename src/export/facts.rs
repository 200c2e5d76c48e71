//! What `run.toml` says of a run, as keys and values that a file can keep beside its rows.

use crate::run::record::RUN_FILE;
use anyhow::{Context, Result};
use std::path::Path;

/// Something that `run.toml` says: its key, dotted where it is in a table, and its value as text.
pub type Fact = (String, String);

const OF_THE_MACHINE: [&str; 2] = ["command", "sources"];

/// What `DIR/run.toml` says of the run as a whole; its layers say of themselves what they are.
///
/// # Errors
/// The file cannot be read.
pub fn facts_of(directory: &Path) -> Result<Vec<Fact>> {
    let path = directory.join(RUN_FILE);
    let named = || format!("cannot read '{}'", path.display());
    let text = std::fs::read_to_string(&path).with_context(named)?;
    let (mut facts, mut run) = (Vec::new(), text.parse::<toml::Table>().with_context(named)?);
    // Paths of the machine that the rows come from are no facts about them.
    OF_THE_MACHINE.iter().for_each(|key| drop(run.remove(*key)));
    flatten("", &run, &mut facts);
    Ok(facts)
}

fn flatten(before: &str, table: &toml::Table, facts: &mut Vec<Fact>) {
    for (key, value) in table {
        let key = format!("{before}{key}");
        match value {
            toml::Value::Table(inner) => flatten(&format!("{key}."), inner, facts),
            toml::Value::String(text) => facts.push((key, text.clone())),
            toml::Value::Array(items) if items.iter().any(toml::Value::is_table) => {}
            other => facts.push((key, other.to_string())),
        }
    }
}
