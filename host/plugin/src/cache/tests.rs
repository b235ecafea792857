//! What is found, what is kept, and what is never mapped.

use super::*;
use crate::engine::wasm_engine;
use crate::fingerprint::sha;

pub(super) const TINY: &[u8] = b"(component)";

pub(super) fn engine() -> Engine {
    wasm_engine(Bounds::Guarded).unwrap()
}

pub(super) fn open(directory: &Path) -> CodeCache {
    CodeCache::open(directory, Bounds::Guarded, Processors::This).unwrap()
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
    let cache = open(&home.path().join("new/cache"));
    assert!(cache.load(&engine, &sha(TINY), &|| ()).is_none());
    let file = fill(&cache, &engine);
    assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
    assert_eq!(fs::metadata(cache.directory()).unwrap().mode() & 0o777, 0o700);
    assert!(cache.load(&engine, &sha(TINY), &|| ()).is_some());
    assert!(cache.load(&engine, &sha(b"(component )"), &|| ()).is_none());

    let other = wasm_engine(Bounds::Explicit).unwrap();
    let for_other = CodeCache::open(cache.directory(), Bounds::Explicit, Processors::This).unwrap();
    assert!(for_other.load(&other, &sha(TINY), &|| ()).is_none());
}

#[test]
fn a_damaged_file_is_never_mapped_and_goes_away() {
    let home = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = open(home.path());
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
    let error = CodeCache::open(home.path(), Bounds::Guarded, Processors::This).err().unwrap();
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
    let mut cache = open(home.path());
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
    let cache = open(home.path());
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
    let foreign = home.path().join(cache.fit.file(&sha(TINY), b"foreign"));
    fs::write(&foreign, b"foreign").unwrap();
    assert!(cache.load(&engine, &sha(TINY), &|| rejected.set(0)).is_none());
    assert_eq!(rejected.get(), 0);
}

#[test]
fn the_number_of_files_is_bounded() {
    let home = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = open(home.path());
    for i in 0..FILES_MAX + 3 {
        fs::write(home.path().join(format!("{i}{SUFFIX}")), "").unwrap();
    }
    let code = engine.precompile_component(TINY).unwrap();
    cache.store(&engine, &sha(TINY), &code).unwrap();
    assert_eq!(cache.files().filter(|(_, name)| name.ends_with(SUFFIX)).count(), FILES_MAX);
}

#[test]
fn code_for_another_processor_is_another_weir_s_and_left_where_it_is() {
    let home = tempfile::tempdir().unwrap();
    let engine = engine();
    let cache = open(home.path());
    let file = fill(&cache, &engine);
    let name = file.file_name().unwrap().to_str().unwrap();
    let mut parts: Vec<&str> = name.split('-').collect();
    parts[2] = "another";
    let foreign = home.path().join(parts.join("-"));
    fs::rename(&file, &foreign).unwrap();
    assert!(cache.load(&engine, &sha(TINY), &|| panic!("it is not damaged")).is_none());
    assert!(foreign.exists());
}

/// An engine on a processor with these features, by the names that wasmtime asks for.
#[allow(unsafe_code, reason = "nothing is run")]
fn engine_with(probe: fn(&str) -> Option<bool>) -> Engine {
    let mut config = crate::engine::wasm_config(Bounds::Guarded);
    // An engine needs what it would compile for, and this one is to need nothing.
    config.target(&crate::compile::target()).unwrap();
    // SAFETY: code is loaded and never run.
    unsafe { config.detect_host_feature(probe) };
    crate::engine::engine_of(&config).unwrap()
}

#[test]
fn portable_code_runs_where_no_more_is_there_than_it_names() {
    let code = crate::compile::portable(TINY, Bounds::Guarded).unwrap();
    let modest = engine_with(|feature| {
        let flag = format!("has_{}", feature.replace('.', ""));
        Some(processor::PORTABLE.contains(&flag.as_str()))
    });
    adopt(&modest, &code).unwrap();
    let bare = engine_with(|_| Some(false));
    assert_eq!(adopt(&bare, &code).is_ok(), processor::PORTABLE.is_empty());
    adopt(&bare, &bare.precompile_component(TINY).unwrap()).unwrap();
}

#[test]
fn portable_code_is_found_by_those_who_have_none_of_their_own() {
    let home = tempfile::tempdir().unwrap();
    let engine = engine();
    let portable = CodeCache::open(home.path(), Bounds::Guarded, Processors::Portable).unwrap();
    let code = crate::compile::portable(TINY, Bounds::Guarded).unwrap();
    portable.store(&engine, &sha(TINY), &code).unwrap();
    let file = portable.files().next().unwrap().0;
    let cache = open(home.path());
    assert!(cache.load(&engine, &sha(TINY), &|| panic!("it is not damaged")).is_some());
    // A processor that lacks something leaves it to the others.
    if !processor::PORTABLE.is_empty() {
        let bare = engine_with(|_| Some(false));
        assert!(cache.load(&bare, &sha(TINY), &|| panic!("it is not damaged")).is_none());
        assert!(file.exists());
    }
    // Code for this processor alone is none for others.
    let other = tempfile::tempdir().unwrap();
    fill(&open(other.path()), &engine);
    let elsewhere = CodeCache::open(other.path(), Bounds::Guarded, Processors::Portable).unwrap();
    assert!(elsewhere.load(&engine, &sha(TINY), &|| panic!("it is not damaged")).is_none());
    // A damaged one goes away as any other.
    let damages = std::cell::Cell::new(0);
    fs::write(&file, &code[..code.len() / 2]).unwrap();
    assert!(cache.load(&engine, &sha(TINY), &|| damages.set(damages.get() + 1)).is_none());
    assert_eq!((damages.get(), file.exists()), (1, false));
}
