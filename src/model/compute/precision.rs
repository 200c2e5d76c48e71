//! What a model computes in.

use clap::ValueEnum;
use serde::Deserialize;

/// `--precision`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    #[default]
    F32,
    Bf16,
    F16,
}

impl Precision {
    /// As the options and `run.toml` call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        }
    }

    /// Relative L2 distance within which a faster way to compute has to stay.
    pub fn tolerance(self) -> f64 {
        match self {
            Self::F32 => 1e-4,
            Self::Bf16 | Self::F16 => 2e-2,
        }
    }

    /// True where this machine's processor computes in it, and does not only emulate it.
    pub fn is_native(self) -> bool {
        match self {
            Self::F32 => true,
            #[cfg(target_arch = "x86_64")]
            Self::Bf16 => std::arch::is_x86_feature_detected!("avx512bf16"),
            #[cfg(target_arch = "x86_64")]
            Self::F16 => std::arch::is_x86_feature_detected!("avx512fp16"),
            #[cfg(target_arch = "aarch64")]
            Self::Bf16 => std::arch::is_aarch64_feature_detected!("bf16"),
            #[cfg(target_arch = "aarch64")]
            Self::F16 => std::arch::is_aarch64_feature_detected!("fp16"),
            #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
            _ => false,
        }
    }
}
