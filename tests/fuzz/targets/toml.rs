//! TOML that people write or move: `run.toml` and a model's preprocessing. An error, or what is safe to go by.
#![no_main]

use featx::images::Preprocess;
use featx::run::record::Run;
use libfuzzer_sys::fuzz_target;
use std::path::{Component, Path};

fuzz_target!(|text: &str| {
    if let Ok(run) = Run::parse(text, "run.toml") {
        assert!(run.shards > 0 && run.batch_size > 0);
        for layer in &run.layers {
            let steps: Vec<_> = Path::new(&layer.name).components().collect();
            assert!(matches!(steps[..], [Component::Normal(_)]), "{:?} leaves the run directory", layer.name);
        }
        let written = toml::to_string(&run).expect("what was read can be written");
        let again = Run::parse(&written, "run.toml").expect("what we write, we read");
        // NaN is not itself.
        assert_eq!(format!("{again:?}"), format!("{run:?}"));
    }
    if let Ok(preprocess) = toml::from_str::<Preprocess>(text) {
        if preprocess.validate().is_ok() {
            assert!(preprocess.image_bytes() >= 3);
            assert!(preprocess.mean.iter().chain(&preprocess.std).all(|value| value.is_finite()));
        }
    }
});
