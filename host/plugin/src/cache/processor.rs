//! What this processor can do, as far as compiled code may depend on it: the features that Cranelift asks about and
//! wasmtime checks before it runs code.

/// What portable code uses, by Cranelift's names. It is x86-64-v3, which Intel has had since 2013 and AMD since 2015: with less, the
/// vectors of `redact` would be emulated. Of arm64 it is what all have; more would only be for atomics, of which plugins have none.
#[cfg(feature = "compiler")]
pub(crate) const PORTABLE: &[&str] = if cfg!(target_arch = "x86_64") {
    &[
        "has_sse3",
        "has_ssse3",
        "has_sse41",
        "has_sse42",
        "has_popcnt",
        "has_lzcnt",
        "has_bmi1",
        "has_bmi2",
        "has_cmpxchg16b",
        "has_avx",
        "has_avx2",
        "has_fma",
    ]
} else {
    &[]
};

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
