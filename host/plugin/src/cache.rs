//! Compiled code on disk: a plugin is compiled once per content, engine and machine, then mapped.
//!
//! Compiled code is native code, so a forged file would run as weir itself. The cache is used only if its directory
//! belongs to this user and nobody else may write to it, and a file only if the digest in its name is that of its
//! content: that also finds what a crash left half-written.

mod name;
mod processor;

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use wasmtime::Engine;
use wasmtime::component::Component;

use crate::compile::HAS_COMPILER;
use crate::engine::{Bounds, Processors};
use crate::fingerprint::{Sha, sha_of_file};
use crate::leftovers::NEW_CODE_PREFIX;
use name::{Fit, Match, SUFFIX};

#[cfg(feature = "compiler")]
pub(crate) use processor::PORTABLE;

/// Files kept; the oldest go first. A directory of plugins has a few, a developer's rebuilds make more.
const FILES_MAX: usize = 64;
/// Bytes kept, likewise.
const BYTES_MAX: u64 = 512 << 20;

/// A directory of compiled code that may be trusted.
pub(crate) struct CodeCache {
    directory: PathBuf,
    fit: Fit,
    is_writable: bool,
}

impl CodeCache {
    /// Opens, or creates, the cache for code of engines with these bounds checks, made for these processors.
    ///
    /// # Errors
    /// If the directory cannot be had, or others could forge code in it.
    pub fn open(directory: &Path, bounds: Bounds, processors: Processors) -> Result<Self, String> {
        let fault = |error: io::Error| format!("{}: {error}", directory.display());
        // A directory that is there but cannot be written to, as in a read-only image, may still be read.
        if !directory.is_dir() {
            DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(fault)?;
        }
        let directory = directory.canonicalize().map_err(fault)?;
        let metadata = fs::metadata(&directory).map_err(fault)?;
        let us = fs::metadata("/proc/self").map_err(fault)?.uid();
        check(&metadata, us).map_err(|reason| format!("{} {reason}", directory.display()))?;
        let is_writable = tempfile::NamedTempFile::new_in(&directory).is_ok();
        Ok(CodeCache { directory, fit: Fit::new(bounds, processors), is_writable })
    }

    /// Where the cache is: a private directory, good for other private files too.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Whether new code can be kept.
    pub fn is_writable(&self) -> bool {
        self.is_writable
    }

    /// The code of a component, mapped from disk, if it is there and sound. A file that is not sound is removed, after
    /// `rejected` was told. Code that was made for this processor goes before portable code.
    pub fn load(&self, engine: &Engine, wasm: &Sha, rejected: &dyn Fn()) -> Option<Component> {
        let (mut portable, mut foreign) = (Vec::new(), Vec::new());
        for (path, file) in self.files() {
            let Some(name) = self.fit.parse(wasm, &file) else { continue };
            let is_sound = sha_of_file(&path).is_ok_and(|content| name.is_of(&content));
            match self.fit.matches(&name) {
                Match::Own => {
                    let component = if is_sound { map(engine, &path) } else { None };
                    if component.is_some() {
                        return component;
                    }
                }
                Match::Portable if is_sound => {
                    portable.push(path);
                    continue;
                }
                Match::Portable => {}
                // Another weir's, which may use it. Without a compiler here it is that or nothing.
                Match::Foreign => {
                    if !HAS_COMPILER && is_sound {
                        foreign.push(path);
                    }
                    continue;
                }
            }
            rejected();
            // It is compiled anew; should it not go away, the new file stands beside it.
            let _ = fs::remove_file(&path);
        }
        // wasmtime refuses what needs a processor that can do more.
        portable.iter().chain(&foreign).find_map(|path| map(engine, path))
    }

    /// Writes the code of a component and maps it. `None` if the cache can only be read.
    ///
    /// # Errors
    /// If it cannot be written; the caller has the code and goes on without the cache.
    pub fn store(&self, engine: &Engine, wasm: &Sha, code: &[u8]) -> io::Result<Option<Component>> {
        if !self.is_writable {
            return Ok(None);
        }
        let path = self.directory.join(self.fit.file(wasm, code));
        // Mode 0600, as tempfile makes them. Renamed, so that no other weir ever maps a half-written file.
        let mut file = tempfile::Builder::new().prefix(NEW_CODE_PREFIX).tempfile_in(&self.directory)?;
        file.write_all(code)?;
        file.persist(&path).map_err(|error| error.error)?;
        self.prune();
        Ok(map(engine, &path))
    }

    fn files(&self) -> impl Iterator<Item = (PathBuf, String)> {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some((entry.path(), entry.file_name().into_string().ok()?)))
    }

    /// Removes the oldest files until the rest is within the bounds.
    fn prune(&self) {
        let mut files: Vec<_> = self
            .files()
            .filter(|(_, name)| name.ends_with(SUFFIX))
            .filter_map(|(path, _)| {
                let metadata = fs::metadata(&path).ok()?;
                Some((metadata.modified().ok()?, metadata.len(), path))
            })
            .collect();
        files.sort();
        let mut bytes: u64 = files.iter().map(|(_, bytes, _)| bytes).sum();
        let mut left = files.len();
        for (_, size, path) in files {
            // The newest has just been written, and is about to be mapped.
            if left == 1 || (left <= FILES_MAX && bytes <= BYTES_MAX) {
                return;
            }
            // Removing a file that is mapped somewhere is harmless; failing to is harmless too.
            let _ = fs::remove_file(path);
            (left, bytes) = (left - 1, bytes - size);
        }
    }
}

/// Whether nobody but `us`, or the administrator, can have put code into the directory.
fn check(directory: &fs::Metadata, us: u32) -> Result<(), &'static str> {
    if directory.uid() != us && directory.uid() != 0 {
        return Err("belongs to another user");
    }
    if directory.permissions().mode() & 0o022 != 0 {
        return Err("may be written by others: chmod 700 it");
    }
    Ok(())
}

/// Compiled code that was never on disk.
///
/// # Errors
/// What wasmtime says; it would be a fault of ours.
#[allow(unsafe_code, reason = "see below")]
pub(crate) fn adopt(engine: &Engine, code: &[u8]) -> wasmtime::Result<Component> {
    // SAFETY: `code` is what `Engine::precompile_component` of this very engine returned a moment ago.
    unsafe { Component::deserialize(engine, code) }
}

#[allow(unsafe_code, reason = "see below")]
fn map(engine: &Engine, path: &Path) -> Option<Component> {
    // SAFETY: the file is in a directory that only this user, or the administrator, can write to, its name carries the
    // digest of its content, and it was written by `store` with the output of `Engine::precompile_component`. It is only ever
    // replaced by renaming and removed by unlinking, so the mapping stays what it is. wasmtime itself
    // refuses code of another version, target or configuration.
    unsafe { Component::deserialize_file(engine, path) }.ok()
}

#[cfg(test)]
#[cfg(feature = "compiler")]
mod mutations;
#[cfg(test)]
#[cfg(feature = "compiler")]
mod tests;
