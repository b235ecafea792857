//! The names of the files in the cache: what the code is of, for which engine and processor it was made, and the digest by
//! which it is known to be whole.
//!
//! ```text
//! WASM-ENGINE-PROCESSOR-CODE.cwasm
//! ```
//!
//! wasmtime's own word for all of this, `precompile_compatibility_hash`, exists only together with its compiler. A build
//! without one has to find the same files, so the names are made of what both know.

use super::processor;
use crate::engine::Bounds;
use crate::fingerprint::{Sha, hex, sha};

/// How a file of compiled code ends.
pub(super) const SUFFIX: &str = ".cwasm";
/// The version of wasmtime. It would run the code of every patch release of a major version; but what a release with a
/// flaw in its compiler has made must not outlive the release that repairs it.
const WASMTIME: &str = "48.0.8";
/// Counts what was changed in the settings of [`crate::engine::wasm_engine`] since the first release.
const SETTINGS: u32 = 1;
/// Characters of the engine's and the processor's part. They tell a few apart; wasmtime looks again.
const PART_CHARS: usize = 12;

/// For what compiled code has to be made to run here.
pub(super) struct Fit {
    engine: String,
    processor: String,
}

/// The rest of a name that begins with the right component and engine.
pub(super) struct Name<'n> {
    processor: &'n str,
    digest: &'n str,
}

impl Fit {
    /// For this machine, and engines with these bounds checks.
    pub fn here(bounds: Bounds) -> Self {
        let engine = format!(
            "{WASMTIME} {SETTINGS} {} {} {}",
            bounds.name(),
            std::env::consts::ARCH,
            std::env::consts::OS
        );
        Fit { engine: part(&engine), processor: part(&processor::features().join(" ")) }
    }

    /// The name of a file with this code of this component.
    pub fn file(&self, wasm: &Sha, code: &[u8]) -> String {
        format!("{}{}-{}{SUFFIX}", self.prefix(wasm), self.processor, hex(&sha(code)))
    }

    /// What a file's name says, if it is about this component and this engine. One that was cut off, or has lost its end,
    /// has a digest that nothing has.
    pub fn parse<'n>(&self, wasm: &Sha, file: &'n str) -> Option<Name<'n>> {
        let rest = file.strip_prefix(&self.prefix(wasm))?;
        let (processor, digest) = rest.split_once('-').unwrap_or((rest, ""));
        Some(Name { processor, digest: digest.strip_suffix(SUFFIX).unwrap_or_default() })
    }

    /// Whether the code was made for a processor that can do what this one can, no more and no less.
    pub fn is_for_this_processor(&self, name: &Name<'_>) -> bool {
        name.processor == self.processor
    }

    fn prefix(&self, wasm: &Sha) -> String {
        format!("{}-{}-", hex(wasm), self.engine)
    }
}

impl Name<'_> {
    /// Whether it is the name of a file with this content.
    pub fn is_of(&self, content: &Sha) -> bool {
        hex(content) == self.digest
    }
}

fn part(text: &str) -> String {
    hex(&sha(text.as_bytes())).chars().take(PART_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_that_of_the_wasmtime_that_is_built_in() {
        let lock = include_str!("../../../../Cargo.lock");
        let locked = format!("name = \"wasmtime\"\nversion = \"{WASMTIME}\"\n");
        assert!(lock.contains(&locked), "another wasmtime was locked: write its version into this file");
    }

    #[test]
    fn a_name_is_read_as_it_was_written_and_fits_nothing_else() {
        let (here, other) = (Fit::here(Bounds::Guarded), Fit::here(Bounds::Explicit));
        let file = here.file(&sha(b"wasm"), b"code");
        let name = here.parse(&sha(b"wasm"), &file).unwrap();
        assert!(
            name.is_of(&sha(b"code")) && !name.is_of(&sha(b"other")) && here.is_for_this_processor(&name)
        );
        assert!(here.parse(&sha(b"other"), &file).is_none());
        assert!(other.parse(&sha(b"wasm"), &file).is_none());
        let foreign = Fit { processor: "another".to_owned(), ..Fit::here(Bounds::Guarded) };
        let foreign = foreign.file(&sha(b"wasm"), b"code");
        let name = here.parse(&sha(b"wasm"), &foreign).unwrap();
        assert!(name.is_of(&sha(b"code")) && !here.is_for_this_processor(&name));
    }
}
