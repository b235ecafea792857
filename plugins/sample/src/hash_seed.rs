//! The Collector's oldest way of sampling, its mode `hash_seed`: a 32-bit hash of the seed and an id, of which 14 bits decide.
//!
//! The hash is written as 56 bits of randomness, and the share as a threshold, in such a way that whoever compares the
//! two comes to the same decision. Of randomness and threshold the Collector writes exactly the same digits.

use crate::threshold::{Probability, Randomness};

/// The bits of the hash that decide.
const BUCKET_BITS: u32 = 14;
/// As many shares as there are: nothing finer can be asked for.
const BUCKETS: u32 = 1 << BUCKET_BITS;
/// Where those bits stand in a randomness of 56.
const SHIFT: u32 = 56 - BUCKET_BITS;

/// The randomness that an id has under a seed.
pub fn randomness(id: &[u8], seed: u32) -> Randomness {
    let hash = fnv_1a(seed.to_le_bytes().iter().chain(id));
    let bucket = u64::from(hash & (BUCKETS - 1));
    // The lowest buckets are kept, and randomness is kept if it is high.
    let deciding = u64::from(BUCKETS - 1) - bucket;
    let high = u64::from(hash >> (u32::BITS - BUCKET_BITS));
    let spread = high ^ (high << 10);
    Randomness::of_bits((deciding << SHIFT) | (spread << BUCKET_BITS) | bucket)
}

/// The share that is meant by a percentage: rounded down to whole buckets, in single precision, as ever. None if that
/// leaves none.
pub fn probability(percentage: f64) -> Option<Probability> {
    let buckets = (percentage as f32 * (f64::from(BUCKETS) / 100.0) as f32) as u32;
    Probability::of_units(u64::from(buckets) << SHIFT)
}

fn fnv_1a<'b>(bytes: impl Iterator<Item = &'b u8>) -> u32 {
    bytes.fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_the_published_one() {
        for (text, hash) in [("", 0x811c_9dc5), ("a", 0xe40c_292c), ("foobar", 0xbf9c_f968)] {
            assert_eq!(fnv_1a(text.as_bytes().iter()), hash, "{text}");
        }
    }

    #[test]
    fn a_percentage_is_rounded_down_to_whole_buckets() {
        for (percentage, buckets) in [(100.0, 16384), (50.0, 8192), (15.3, 2506), (0.0062, 1), (33.3, 5455)] {
            assert_eq!(probability(percentage), Probability::of_units(buckets << 42), "{percentage}");
        }
        assert_eq!(probability(0.006), None);
        assert_eq!(probability(100.0), Some(Probability::ONE));
    }
}
