//! What this processor can do, as far as compiled code may depend on it: the features that Cranelift asks about and
//! wasmtime checks before it runs code.

/// The names of those that are there, always in the same order. None where this is not known: wasmtime still checks.
#[cfg(target_arch = "x86_64")]
pub(super) fn features() -> Vec<&'static str> {
    macro_rules! there {
        ($($name:tt)*) => { [$(($name, std::arch::is_x86_feature_detected!($name))),*] };
    }
    names(&there! {
        "sse3" "ssse3" "sse4.1" "sse4.2" "popcnt" "lzcnt" "bmi1" "bmi2" "cmpxchg16b" "avx" "avx2" "fma" "avxvnni"
        "avx512f" "avx512dq" "avx512vl" "avx512bitalg" "avx512vbmi" "avx512vnni"
    })
}

/// The same.
#[cfg(target_arch = "aarch64")]
pub(super) fn features() -> Vec<&'static str> {
    macro_rules! there {
        ($($name:tt)*) => { [$(($name, std::arch::is_aarch64_feature_detected!($name))),*] };
    }
    names(&there! { "lse" "paca" "fp16" "dotprod" "i8mm" })
}

/// The same.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn features() -> Vec<&'static str> {
    Vec::new()
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
fn names(there: &[(&'static str, bool)]) -> Vec<&'static str> {
    there.iter().filter(|(_, is_there)| *is_there).map(|(name, _)| *name).collect()
}
