//! Which optional instructions this processor has, by the compiler's names for them.

/// Whether this processor has a feature. Of one that is not known here, the compiler's target is believed to have it.
pub(super) fn has_feature(name: &str) -> bool {
    detected(name).unwrap_or(true)
}

macro_rules! detect {
    ($name:expr, $detected:ident: $($feature:tt)*) => {
        match $name {
            $($feature => Some(std::arch::$detected!($feature)),)*
            _ => None,
        }
    };
}

#[cfg(target_arch = "x86_64")]
fn detected(name: &str) -> Option<bool> {
    detect!(name, is_x86_feature_detected:
        "sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "aes" "pclmulqdq" "sha" "avx" "avx2" "fma" "f16c" "bmi1" "bmi2"
        "lzcnt" "movbe" "adx" "rdrand" "rdseed" "gfni" "vaes" "vpclmulqdq" "avx512f" "avx512bw" "avx512cd"
        "avx512dq" "avx512vl" "avx512vbmi" "avx512vbmi2" "avx512vnni" "avx512ifma" "avx512bitalg" "avx512vpopcntdq"
        "avx512bf16" "avx512fp16")
}

#[cfg(target_arch = "aarch64")]
fn detected(name: &str) -> Option<bool> {
    detect!(name, is_aarch64_feature_detected:
        "neon" "aes" "sha2" "sha3" "crc" "lse" "fp16" "dotprod" "rdm" "rcpc" "i8mm" "bf16" "sve" "sve2")
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn detected(_: &str) -> Option<bool> {
    None
}

#[cfg(test)]
mod tests {
    use super::has_feature;

    #[test]
    fn this_processor_has_what_this_binary_was_built_for() {
        for feature in sundae_plugin_api::abi::FEATURES.split(',') {
            assert!(has_feature(feature), "{feature}");
        }
        assert!(has_feature("a feature of the future"));
    }
}
