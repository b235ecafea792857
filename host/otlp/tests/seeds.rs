//! Runs every input of `fuzz/seeds` through the target that it belongs to, and a few thousand mutations of each: what
//! a fuzzer found once is found by every `cargo test` from then on, with a stable compiler and without a fuzzer.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::path::Path;

use common::{checks, declared, json};

/// Changed copies of each input. They are the same in every run: what fails here fails again.
const MUTATIONS: u64 = 300;

fn replay(target: &str, check: fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds").join(target);
    let mut files: Vec<_> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{target} has no seeds");
    for file in files {
        let input = std::fs::read(&file).unwrap();
        check(&input);
        for seed in 0..MUTATIONS {
            check(&mutated(&input, seed));
        }
    }
}

/// Some bytes changed, cut or doubled, by a generator whose only state is `seed` (SplitMix64, Steele et al. 2014).
fn mutated(input: &[u8], seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (word ^ word >> 31) as usize
    };
    let mut bytes = input.to_vec();
    for _ in 0..1 + next() % 6 {
        if bytes.is_empty() {
            break;
        }
        let at = next() % bytes.len();
        match next() % 5 {
            0 => bytes[at] = next() as u8,
            1 => bytes[at] ^= 1 << (next() % 8),
            2 => bytes.truncate(at),
            3 => drop(bytes.remove(at)),
            _ => bytes.insert(at, next() as u8),
        }
    }
    bytes
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
