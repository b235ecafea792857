//! Compiled code on disk: a plugin is compiled once per content, engine and machine, then mapped.
//!
//! Compiled code is native code, so a forged file would run as weir itself. The cache is used only if its directory
//! belongs to this user and nobody else may write to it, and a file only if the digest in its name is that of its
//! content: that also finds what a crash left half-written.

use std::fs::{self, DirBuilder};
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

use crate::fingerprint::{Sha, hex, sha, sha_of_file};

/// Files kept; the oldest go first. A directory of plugins has a few, a developer's rebuilds make more.
const FILES_MAX: usize = 64;
/// Bytes kept, likewise.
const BYTES_MAX: u64 = 512 << 20;
const SUFFIX: &str = ".cwasm";

/// A directory of compiled code that may be trusted.
pub(crate) struct CodeCache {
    directory: PathBuf,
    engine: String,
    is_writable: bool,
}

impl CodeCache {
    /// Opens, or creates, the cache for code of this engine.
    ///
    /// # Errors
    /// If the directory cannot be had, or others could forge code in it.
    pub fn open(directory: &Path, engine: &Engine) -> Result<Self, String> {
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
        Ok(CodeCache { directory, engine: engine_key(engine), is_writable })
    }

    /// Where the cache is: a private directory, good for other private files too.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The code of a component, mapped from disk, if it is there and sound. A file that is not sound is removed, after
    /// `rejected` was told.
    pub fn load(&self, engine: &Engine, wasm: &Sha, rejected: &dyn Fn()) -> Option<Component> {
        let prefix = self.prefix(wasm);
        for (path, name) in self.files() {
            let Some(rest) = name.strip_prefix(&prefix) else { continue };
            let sound = rest
                .strip_suffix(SUFFIX)
                .is_some_and(|digest| sha_of_file(&path).is_ok_and(|content| hex(&content) == digest));
            let component = if sound { map(engine, &path) } else { None };
            if component.is_some() {
                return component;
            }
            rejected();
            // It is compiled anew; should it not go away, the new file stands beside it.
            let _ = fs::remove_file(&path);
        }
        None
    }

    /// Writes the code of a component and maps it. `None` if the cache can only be read.
    ///
    /// # Errors
    /// If it cannot be written; the caller has the code and goes on without the cache.
    pub fn store(&self, engine: &Engine, wasm: &Sha, code: &[u8]) -> io::Result<Option<Component>> {
        if !self.is_writable {
            return Ok(None);
        }
        let name = format!("{}{}{SUFFIX}", self.prefix(wasm), hex(&sha(code)));
        let path = self.directory.join(name);
        // Mode 0600, as tempfile makes them. Renamed, so that no other weir ever maps a half-written file.
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.directory)?;
        file.write_all(code)?;
        file.persist(&path).map_err(|error| error.error)?;
        self.prune();
        Ok(map(engine, &path))
    }

    fn prefix(&self, wasm: &Sha) -> String {
        format!("{}-{}-", hex(wasm), self.engine)
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
    // SAFETY: the file is in a directory that only this user can write to, its name carries the digest of its
    // content, and it was written by `store` with the output of `Engine::precompile_component`. It is only ever
    // replaced by renaming and removed by unlinking, so the mapping stays what it is. wasmtime itself
    // refuses code of another version, target or configuration.
    unsafe { Component::deserialize_file(engine, path) }.ok()
}

/// Everything besides the content on which compiled code depends: version, target, configuration.
fn engine_key(engine: &Engine) -> String {
    let mut hasher = ShaHasher(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    std::env::consts::ARCH.hash(&mut hasher);
    let digest: Sha = hasher.0.finalize().into();
    hex(&digest).chars().take(16).collect()
}

/// SHA-256 as a [`Hasher`]: unlike the standard one it is the same in every build.
struct ShaHasher(Sha256);

impl Hasher for ShaHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    fn finish(&self) -> u64 {
        let digest: Sha = self.0.clone().finalize().into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        u64::from_le_bytes([a, b, c, d, e, f, g, h])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TINY: &[u8] = b"(component)";

    fn engine() -> Engine {
        Engine::default()
    }

    fn fill(cache: &CodeCache, engine: &Engine) -> PathBuf {
        let code = engine.precompile_component(TINY).unwrap();
        assert!(cache.store(engine, &sha(TINY), &code).unwrap().is_some());
        cache.files().next().unwrap().0
    }

    #[test]
    fn what_was_stored_is_found_again_by_content_and_engine() {
        let home = tempfile::tempdir().unwrap();
        let engine = engine();
        let cache = CodeCache::open(&home.path().join("new/cache"), &engine).unwrap();
        assert!(cache.load(&engine, &sha(TINY), &|| ()).is_none());
        let file = fill(&cache, &engine);
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(cache.directory()).unwrap().mode() & 0o777, 0o700);
        assert!(cache.load(&engine, &sha(TINY), &|| ()).is_some());
        assert!(cache.load(&engine, &sha(b"(component )"), &|| ()).is_none());

        let mut config = wasmtime::Config::new();
        config.epoch_interruption(true);
        let other = Engine::new(&config).unwrap();
        assert!(
            CodeCache::open(cache.directory(), &other).unwrap().load(&other, &sha(TINY), &|| ()).is_none()
        );
    }

    #[test]
    fn a_damaged_file_is_never_mapped_and_goes_away() {
        let home = tempfile::tempdir().unwrap();
        let engine = engine();
        let cache = CodeCache::open(home.path(), &engine).unwrap();
        let file = fill(&cache, &engine);
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&file, bytes).unwrap();
        assert!(cache.load(&engine, &sha(TINY), &|| ()).is_none());
        assert!(!file.exists());
    }

    #[test]
    fn a_directory_that_others_may_write_to_is_not_trusted() {
        let home = tempfile::tempdir().unwrap();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let error = CodeCache::open(home.path(), &engine()).err().unwrap();
        assert!(error.contains("may be written by others"), "{error}");
    }

    #[test]
    fn only_this_user_s_or_the_administrator_s_directories_are_trusted() {
        let home = tempfile::tempdir().unwrap();
        let metadata = fs::metadata(home.path()).unwrap();
        assert_eq!(check(&metadata, metadata.uid()), Ok(()));
        let other = check(&metadata, metadata.uid() + 1);
        assert_eq!(other.is_ok(), metadata.uid() == 0, "{other:?}");
    }

    #[test]
    fn a_cache_that_can_only_be_read_serves_what_it_has_and_keeps_nothing() {
        let home = tempfile::tempdir().unwrap();
        let engine = engine();
        let mut cache = CodeCache::open(home.path(), &engine).unwrap();
        fill(&cache, &engine);
        cache.is_writable = false;
        assert!(cache.load(&engine, &sha(TINY), &|| ()).is_some());
        assert!(cache.store(&engine, &sha(b"other"), b"code").unwrap().is_none());
        assert_eq!(cache.files().count(), 1);
    }

    #[test]
    fn every_damage_to_a_file_is_found_and_told() {
        let home = tempfile::tempdir().unwrap();
        let engine = engine();
        let cache = CodeCache::open(home.path(), &engine).unwrap();
        let file = fill(&cache, &engine);
        let sound = fs::read(&file).unwrap();
        let rejected = std::cell::Cell::new(0);
        let mut damages = 0;
        for at in (0..sound.len()).step_by(sound.len() / 97 + 1) {
            let (mut flipped, cut) = (sound.clone(), &sound[..at]);
            flipped[at] ^= 0x10;
            for damaged in [flipped.as_slice(), cut] {
                fs::write(&file, damaged).unwrap();
                assert!(cache.load(&engine, &sha(TINY), &|| rejected.set(rejected.get() + 1)).is_none());
                damages += 1;
                assert!(!file.exists());
            }
        }
        assert_eq!(rejected.get(), damages);
        // The right digest of the wrong thing: foreign, and refused by wasmtime.
        let foreign =
            home.path().join(format!("{}{}{SUFFIX}", cache.prefix(&sha(TINY)), hex(&sha(b"foreign"))));
        fs::write(&foreign, b"foreign").unwrap();
        assert!(cache.load(&engine, &sha(TINY), &|| rejected.set(0)).is_none());
        assert_eq!(rejected.get(), 0);
    }

    #[test]
    fn the_number_of_files_is_bounded() {
        let home = tempfile::tempdir().unwrap();
        let engine = engine();
        let cache = CodeCache::open(home.path(), &engine).unwrap();
        for i in 0..FILES_MAX + 3 {
            fs::write(home.path().join(format!("{i}{SUFFIX}")), "").unwrap();
        }
        let code = engine.precompile_component(TINY).unwrap();
        cache.store(&engine, &sha(TINY), &code).unwrap();
        assert_eq!(cache.files().filter(|(_, name)| name.ends_with(SUFFIX)).count(), FILES_MAX);
    }
}
