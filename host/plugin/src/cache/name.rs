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
use crate::engine::{Bounds, Processors};
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

/// What stands in the processor's place in the names of portable code.
const PORTABLE: &str = "portable";

/// For what compiled code is made here, and what runs here.
pub(super) struct Fit {
    engine: String,
    processor: String,
}

/// How well a file of compiled code fits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Match {
    /// It was made for what code is made for here.
    Own,
    /// It was made for many processors, this one most likely among them.
    Portable,
    /// It was made for a processor that can do more or less than this one.
    Foreign,
}

/// The rest of a name that begins with the right component and engine.
pub(super) struct Name<'n> {
    processor: &'n str,
    digest: &'n str,
}

impl Fit {
    /// For engines with these bounds checks, and these processors.
    pub fn new(bounds: Bounds, processors: Processors) -> Self {
        let engine = format!(
            "{WASMTIME} {SETTINGS} {} {} {}",
            bounds.name(),
            std::env::consts::ARCH,
            std::env::consts::OS
        );
        let processor = match processors {
            Processors::This => part(&processor::features().join(" ")),
            Processors::Portable => PORTABLE.to_owned(),
        };
        Fit { engine: part(&engine), processor }
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

    /// What the code was made for.
    pub fn matches(&self, name: &Name<'_>) -> Match {
        match name.processor {
            own if own == self.processor => Match::Own,
            PORTABLE => Match::Portable,
            _ => Match::Foreign,
        }
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
        let fit = |bounds| Fit::new(bounds, Processors::This);
        let (here, other) = (fit(Bounds::Guarded), fit(Bounds::Explicit));
        let file = here.file(&sha(b"wasm"), b"code");
        let name = here.parse(&sha(b"wasm"), &file).unwrap();
        assert!(name.is_of(&sha(b"code")) && !name.is_of(&sha(b"other")));
        assert_eq!(here.matches(&name), Match::Own);
        assert!(here.parse(&sha(b"other"), &file).is_none());
        assert!(other.parse(&sha(b"wasm"), &file).is_none());
        let foreign = Fit { processor: "another".to_owned(), ..fit(Bounds::Guarded) };
        let portable = Fit::new(Bounds::Guarded, Processors::Portable);
        for (elsewhere, expected) in [(foreign, Match::Foreign), (portable, Match::Portable)] {
            let file = elsewhere.file(&sha(b"wasm"), b"code");
            let name = here.parse(&sha(b"wasm"), &file).unwrap();
            assert!(name.is_of(&sha(b"code")));
            assert_eq!((here.matches(&name), elsewhere.matches(&name)), (expected, Match::Own));
        }
    }
}
