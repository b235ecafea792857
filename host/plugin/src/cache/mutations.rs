//! Names and contents of cache files, changed at random but the same in every run: whatever lies in the directory, only the very
//! bytes that were stored are ever mapped, and what is damaged goes away. (Bytes that a forger gave the right digest are not
//! tried: who can do that is trusted, see `SECURITY.md`.)

use std::cell::Cell;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::tests::{TINY, engine, open};
use super::*;
use crate::fingerprint::sha;

#[path = "../../../otlp/tests/common/mutate.rs"]
mod mutate;

/// Files that are tried.
const MUTATIONS: u64 = 3000;

/// What names and contents are made of: the right one, and others that are nearly right.
struct Seeds {
    names: Vec<Vec<u8>>,
    contents: Vec<Vec<u8>>,
}

fn portable() -> Fit {
    Fit::new(Bounds::Guarded, Processors::Portable)
}

impl Seeds {
    fn new(cache: &CodeCache, engine: &Engine) -> Self {
        let code = engine.precompile_component(TINY).unwrap();
        let other = engine.precompile_component(b"(component (core module))").unwrap();
        let fits = CodeCache::open(cache.directory(), Bounds::Explicit, Processors::This).unwrap().fit;
        let names = [
            cache.fit.file(&sha(TINY), &code),
            cache.fit.file(&sha(TINY), &other),
            cache.fit.file(&sha(b"other"), &code),
            fits.file(&sha(TINY), &code),
            portable().file(&sha(TINY), &code),
            ".new-abc".to_owned(),
        ];
        Seeds { names: names.map(String::into_bytes).to_vec(), contents: vec![code, other, Vec::new()] }
    }

    /// The right name or a wrong one, the right content or a wrong one; both right once in a while.
    fn pick(&self, number: u64) -> (Vec<u8>, Vec<u8>, String) {
        let random = &mut mutate::Random(!number);
        let (mut name, mut content) = (self.names[0].clone(), self.contents[0].clone());
        let mut changes = String::new();
        if random.below(3) > 0 {
            let mutation = mutate::mutated(&self.contents, random.below(self.contents.len()), number);
            (content, changes) = (mutation.bytes, format!("content: {}", mutation.changes));
        }
        if random.below(3) > 0 {
            let mutation = mutate::mutated(&self.names, random.below(self.names.len()), number);
            (name, changes) = (mutation.bytes, format!("{changes}name: {}", mutation.changes));
        }
        (name, content, changes)
    }
}

#[test]
fn whatever_lies_in_the_directory_only_what_was_stored_is_mapped() {
    let home = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = open(home.path());
    let seeds = Seeds::new(&cache, &engine);
    let (mut mapped, mut damaged, mut foreign) = (0, 0, 0);
    for number in 0..MUTATIONS {
        let (name, content, changes) = seeds.pick(number);
        let path = home.path().join(OsStr::from_bytes(&name));
        let is_a_name = !name.is_empty() && !name.contains(&b'/') && fs::write(&path, &content).is_ok();
        if !is_a_name {
            continue;
        }
        let told = Cell::new(0);
        let found = cache.load(&engine, &sha(TINY), &|| told.set(told.get() + 1));
        let say = format!("mutation {number}: {changes}");
        if found.is_some() {
            assert!(seeds.contents.contains(&content), "{say}: these bytes no compiler made");
            let names = [&cache.fit, &portable()].map(|fit| fit.file(&sha(TINY), &content).into_bytes());
            assert!(names.contains(&name), "{say}");
            mapped += 1;
        } else if told.get() > 0 {
            assert!(!path.exists() && told.get() == 1, "{say}");
            damaged += 1;
        } else {
            assert!(path.exists(), "{say}: what is not ours is left alone");
            foreign += 1;
        }
        let is_ours = std::str::from_utf8(&name).ok().and_then(|name| cache.fit.parse(&sha(TINY), name));
        let is_for_here = is_ours.is_some_and(|name| cache.fit.matches(&name) != Match::Foreign);
        assert_eq!(is_for_here, found.is_some() || told.get() > 0, "{say}");
        let _ = fs::remove_file(&path);
    }
    assert!(mapped > 100 && damaged > 100 && foreign > 100, "{mapped} {damaged} {foreign}");
}
