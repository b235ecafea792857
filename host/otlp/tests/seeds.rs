//! Runs every input of `fuzz/seeds` through the target that it belongs to, and hundreds of mutations of each: what a fuzzer
//! found once is found by every `cargo test` from then on, with a stable compiler and without a fuzzer.
//!
//! A failure names the seed and the number of the mutation. `WEIR_MUTATION=walk/deep:117` does that one again, alone.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::Path;

use common::mutate::{self, Mutation};
use common::{checks, declared, json, split};

/// Changed copies of each input. They are the same in every run: what fails here fails again.
const MUTATIONS: u64 = 1000;
/// Names the one mutation that is wanted.
const ONLY: &str = "WEIR_MUTATION";

/// The names and the contents of a target's seeds, by name.
fn seeds(target: &str) -> (Vec<String>, Vec<Vec<u8>>) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut files: Vec<_> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no seeds");
    let name = |file: &std::path::PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
    (files.iter().map(name).collect(), files.iter().map(|file| std::fs::read(file).unwrap()).collect())
}

fn replay(target: &str, check: fn(&[u8])) {
    let (names, inputs) = seeds(target);
    let only = std::env::var(ONLY).ok();
    for (which, name) in names.iter().enumerate() {
        if only.is_none() {
            check(&inputs[which]);
        }
        for number in 0..MUTATIONS {
            let id = format!("{target}/{name}:{number}");
            if only.as_ref().is_some_and(|only| *only != id) {
                continue;
            }
            let mutation = mutate::mutated(&inputs, which, number);
            let _told = Told { id: &id, mutation: &mutation };
            check(&mutation.bytes);
        }
    }
}

/// Says which mutation it was if the check panics.
struct Told<'a> {
    id: &'a str,
    mutation: &'a Mutation,
}

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Mutation { bytes, changes } = self.mutation;
            eprintln!("{ONLY}={} does it again: {changes}{} bytes", self.id, bytes.len());
        }
    }
}

#[test]
fn the_seeds_of_the_walk_hold() {
    replay("walk", |data| {
        checks::walk_of_any_bytes(data);
        checks::walk_of_mutated_request(data);
    });
}

#[test]
fn the_seeds_of_the_edits_hold() {
    replay("edits", checks::any_edits);
}

#[test]
fn the_seeds_of_the_splice_hold() {
    replay("splice", |data| {
        checks::chain_of_plugins(data);
        checks::plugin_of_everything(data);
    });
}

#[test]
fn the_seeds_of_the_interest_hold() {
    replay("interest", declared::any_interest);
}

#[test]
fn the_seeds_of_the_json_codec_hold() {
    replay("json", |data| {
        json::any_text(data);
        json::mutated_text(data);
        json::round_trip(data);
        json::any_request(data);
        json::difference_of_two(data);
    });
}

#[test]
fn the_seeds_of_the_split_hold() {
    replay("split", |data| {
        split::split_of_valid_request(data);
        split::split_of_any_bytes(data);
        split::split_of_mutated_request(data);
    });
}

#[test]
fn mutations_are_the_same_in_every_run_and_of_every_kind() {
    let (_, inputs) = seeds("walk");
    let mut kinds = std::collections::BTreeSet::new();
    for number in 0..MUTATIONS {
        let (one, other) = (mutate::mutated(&inputs, 0, number), mutate::mutated(&inputs, 0, number));
        assert_eq!((&one.bytes, &one.changes), (&other.bytes, &other.changes));
        kinds.extend(one.changes.split("; ").map(|change| change.split(' ').next().unwrap().to_owned()));
    }
    kinds.remove("");
    let all = ["bit", "byte", "cut", "extreme", "insert", "remove", "repeat", "splice", "varint"];
    assert_eq!(kinds.into_iter().collect::<Vec<_>>(), all);
}
