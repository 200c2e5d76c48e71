//! How options that are one name of a few are spelled.

use clap::ValueEnum;

/// As the command line takes it, and `run.toml` has it.
#[must_use]
pub fn spelling(choice: impl ValueEnum) -> String {
    let value = choice.to_possible_value();
    value.map_or_else(String::new, |value| value.get_name().to_owned())
}
