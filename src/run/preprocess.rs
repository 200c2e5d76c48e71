//! What was done to images, as a run's record has it.

/// As the TOML of a model has it: `images::Preprocess`, which a build without decoders does not have. Keys that are not
/// there have their usual values.
pub type Preprocess = toml::Table;

/// Each key of it, in the order of its steps.
const KEYS: [&str; 11] = [
    "orient",
    "resize",
    "pad",
    "crop",
    "crop_rounding",
    "interpolation",
    "resampler",
    "channels",
    "scale",
    "mean",
    "std",
];

/// Each key and its value, to compare one run with another.
pub fn settings(preprocess: &Preprocess) -> [(&'static str, String); 11] {
    KEYS.map(|key| (key, value(preprocess, key)))
}

/// In a line, for a person.
pub fn words(preprocess: &Preprocess) -> String {
    let said = KEYS.into_iter().filter(|key| preprocess.contains_key(*key));
    let words = said.map(|key| match (key, value(preprocess, key)) {
        ("interpolation", value) => value,
        ("mean" | "std", value) => format!("{key} {}", value.replace(['[', ']', ' '], "")),
        (_, value) => format!("{key} {value}"),
    });
    words.collect::<Vec<_>>().join(", ")
}

fn value(preprocess: &Preprocess, key: &str) -> String {
    match preprocess.get(key) {
        None => "the default".to_owned(),
        Some(toml::Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
    }
}

#[cfg(all(test, feature = "images"))]
mod tests {
    use super::KEYS;
    use crate::images::Preprocess;

    /// serde lists a type's keys where one is not among them.
    #[test]
    fn every_key_of_the_type_is_told() {
        let error = toml::from_str::<Preprocess>("no_such_key = 1").unwrap_err();
        let said = error.message().split_once("expected one of ").unwrap().1;
        let mut keys: Vec<_> = said.split(", ").map(|key| key.trim_matches('`')).collect();
        let mut told = KEYS.to_vec();
        keys.sort_unstable();
        told.sort_unstable();
        assert_eq!(told, keys);
    }
}
