//! The numbers: against the specification's table, the Collector's vectors, and the laws of sampling.

use proptest::prelude::*;

use super::*;

fn threshold(probability: f64, precision: u8) -> Threshold {
    Threshold::of(Probability::from_percentage(probability * 100.0).unwrap(), precision)
}

#[test]
fn thresholds_are_those_of_the_specifications_table_for_one_in_n() {
    let table = [
        (1.0, ["0", "0", "0"]),
        (0.5, ["8", "8", "8"]),
        (1.0 / 3.0, ["aab", "aaab", "aaaab"]),
        (0.25, ["c", "c", "c"]),
        (0.2, ["ccd", "cccd", "ccccd"]),
        (0.125, ["e", "e", "e"]),
        (0.1, ["e66", "e666", "e6666"]),
        (0.0625, ["f", "f", "f"]),
        (0.01, ["fd71", "fd70a", "fd70a4"]),
        (0.001, ["ffbe7", "ffbe77", "ffbe76d"]),
        (0.0001, ["fff972", "fff9724", "fff97247"]),
        (0.00001, ["ffff584", "ffff583a", "ffff583a5"]),
        (0.000001, ["ffffef4", "ffffef39", "ffffef391"]),
    ];
    for (probability, thresholds) in table {
        let found = [3, 4, 5].map(|precision| threshold(probability, precision).to_string());
        assert_eq!(found, thresholds, "for {probability}");
    }
}

/// `1 - 0x456789ap-28` and its like, from the exact digits of the threshold.
fn rounded(exact: &str, precision: u8) -> String {
    let probability = Threshold::parse(exact).unwrap().probability();
    Threshold::of(probability, precision).to_string()
}

#[test]
fn rounding_gives_the_collectors_vectors() {
    let vectors: [(&str, &[&str]); 5] = [
        ("456789a", &["456789a", "45678a", "45679", "4568", "456", "45", "4"]),
        ("000456789a", &["000456789a", "00045678a", "00045679", "0004568", "000456", "00045", "0004"]),
        (
            "0789abcdef",
            &["0789abcdef", "0789abcdf", "0789abce", "0789abd", "0789ac", "0789b", "078a", "079", "08"],
        ),
        ("12345678", &["12345678", "1234568", "123456", "12345", "1234", "123", "12", "1"]),
        ("0080801", &["0080801", "00808", "008"]),
    ];
    for (exact, all) in vectors {
        for expected in all {
            // Digits in front that are zero do not count.
            let precision = expected.trim_start_matches('0').len() as u8;
            assert_eq!(rounded(exact, precision), *expected, "{exact} to {precision} digits");
        }
    }
}

#[test]
fn the_smallest_probabilities_keep_all_their_digits() {
    for (units, expected) in [
        (1, "ffffffffffffff"),
        (2, "fffffffffffffe"),
        (3, "fffffffffffffd"),
        (4, "fffffffffffffc"),
        (8, "fffffffffffff8"),
        (16, "fffffffffffff"),
    ] {
        assert_eq!(Threshold::of(Probability(units), 3).to_string(), expected);
    }
}

#[test]
fn zeros_in_front_are_kept_for_they_count() {
    assert_eq!(threshold(0.99, 14).to_string(), "028f5c28f5c29");
    assert_eq!(threshold(0.99, 3).to_string(), "028f");
    assert_eq!(Threshold::parse("028f5c28f5c29"), Some(threshold(0.99, 14)));
}

#[test]
fn what_is_within_rounding_of_one_is_the_threshold_zero() {
    assert_eq!(threshold(1.0 - f64::EPSILON / 64.0, 4).to_string(), "0");
    assert_eq!(Threshold::KEEP_ALL.to_string(), "0");
}

#[test]
fn percentages_outside_of_what_can_be_meant_are_no_probability() {
    for percentage in [0.0, -1.0, 100.001, f64::NAN, f64::INFINITY, 1e-20] {
        assert_eq!(Probability::from_percentage(percentage), None, "{percentage}");
    }
    assert_eq!(Probability::from_percentage(100.0), Some(Probability::ONE));
}

#[test]
fn only_lower_case_hexadecimal_of_the_right_length_is_read() {
    for wrong in ["", "C", "g", "+1", " 1", "123456789abcdef"] {
        assert_eq!(Threshold::parse(wrong), None, "{wrong:?}");
    }
    assert_eq!(Threshold::parse("8"), Some(Threshold(1 << 55)));
    assert_eq!(Randomness::parse("0000000000001"), None);
    assert_eq!(Randomness::parse("00000000000010"), Some(Randomness(16)));
    assert_eq!(Randomness(16).to_string(), "00000000000010");
}

#[test]
fn randomness_is_the_last_seven_bytes_of_a_trace_id() {
    let id = [0xff, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    assert_eq!(Randomness::of_trace(&id), Some(Randomness(0x0009_0a0b_0c0d_0e0f)));
    assert_eq!(Randomness::of_trace(&[0; 16]), None);
    assert_eq!(Randomness::of_trace(&id[1..]), None);
}

/// A small generator, so that the statistics below are the same on every run.
fn random_ids(count: usize) -> impl Iterator<Item = [u8; 16]> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    (0..count).map(move |_| (u128::from(next()) << 64 | u128::from(next())).to_be_bytes())
}

#[test]
fn the_share_that_is_kept_is_the_one_that_was_asked_for() {
    const COUNT: usize = 200_000;
    for percentage in [50.0, 33.3, 10.0, 1.0, 0.25] {
        let threshold = threshold(percentage / 100.0, 4);
        let kept = random_ids(COUNT).filter(|id| threshold.keeps(Randomness::of_trace(id).unwrap())).count();
        let share = percentage / 100.0;
        let sigma = (COUNT as f64 * share * (1.0 - share)).sqrt();
        let off = (kept as f64 - COUNT as f64 * share).abs();
        assert!(off < 4.0 * sigma, "{percentage} %: {kept} kept, {off} off");
    }
}

#[test]
fn randomness_made_of_counting_values_is_even() {
    const COUNT: u64 = 64_000;
    let mut bins = [0_u32; 64];
    for number in 0..COUNT {
        let Randomness(value) = Randomness::of_parts([number.to_le_bytes().as_slice(), b"GET /"]);
        bins[(value >> 50) as usize] += 1;
    }
    let expected = (COUNT / 64) as f64;
    let chi_square: f64 = bins.iter().map(|bin| (f64::from(*bin) - expected).powi(2) / expected).sum();
    // 63 degrees of freedom: above 110 once in ten thousand.
    assert!(chi_square < 110.0, "chi square {chi_square}");
}

proptest! {
    #[test]
    fn a_lower_percentage_keeps_a_part_of_what_a_higher_one_keeps(
        id in any::<[u8; 16]>(), a in 0.001..100.0_f64, b in 0.001..100.0_f64, precision in 1_u8..=14,
    ) {
        let (low, high) = (a.min(b), a.max(b));
        let [low, high] = [low, high].map(|p| Threshold::of(Probability::from_percentage(p).unwrap(), precision));
        prop_assert!(low >= high);
        if let Some(randomness) = Randomness::of_trace(&id) {
            prop_assert!(!low.keeps(randomness) || high.keeps(randomness));
        }
    }

    #[test]
    fn what_is_written_is_read_again(number in 0..ALL) {
        prop_assert_eq!(Threshold::parse(&Threshold(number).to_string()), Some(Threshold(number)));
        prop_assert_eq!(Randomness::parse(&Randomness(number).to_string()), Some(Randomness(number)));
    }

    #[test]
    fn rounding_moves_a_probability_by_less_than_its_precision(units in 1..=ALL, precision in 3_u8..=14) {
        let exact = Probability(units);
        let rounded = Threshold::of(exact, precision).probability();
        let off = rounded.0.abs_diff(exact.0) as f64;
        prop_assert!(off <= exact.0 as f64 * 16_f64.powi(1 - i32::from(precision)));
    }
}
