//! What a model computes in.

use crate::cli::choices::Precision;

/// Relative L2 distance within which a faster way to compute has to stay.
pub fn tolerance(precision: Precision) -> f64 {
    match precision {
        Precision::F32 => 1e-4,
        Precision::Bf16 | Precision::F16 => 2e-2,
    }
}

/// True where this machine's processor computes in it, and does not only emulate it.
pub fn is_native(precision: Precision) -> bool {
    match precision {
        Precision::F32 => true,
        #[cfg(target_arch = "x86_64")]
        Precision::Bf16 => std::arch::is_x86_feature_detected!("avx512bf16"),
        #[cfg(target_arch = "x86_64")]
        Precision::F16 => std::arch::is_x86_feature_detected!("avx512fp16"),
        #[cfg(target_arch = "aarch64")]
        Precision::Bf16 => std::arch::is_aarch64_feature_detected!("bf16"),
        #[cfg(target_arch = "aarch64")]
        Precision::F16 => std::arch::is_aarch64_feature_detected!("fp16"),
        #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
        _ => false,
    }
}
