//! The properties of the crate under random input. `common::checks` says what they are.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use common::{checks, declared, json, read, read_metrics, split};
use proptest::prelude::*;

fn data() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..3000)
}

/// `PROPTEST_CASES` asks for more.
fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.max(4000), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn a_chain_of_plugins_sees_and_edits_what_the_decoded_message_says(data in data()) {
        checks::chain_of_plugins(&data);
    }

    #[test]
    fn a_plugin_that_may_do_everything_sees_and_edits_what_the_decoded_message_says(data in data()) {
        checks::plugin_of_everything(&data);
    }

    #[test]
    fn any_bytes_are_accepted_exactly_if_a_decoder_accepts_them(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        checks::walk_of_any_bytes(&bytes);
    }

    #[test]
    fn a_mutated_request_is_accepted_exactly_if_a_decoder_accepts_it(data in data()) {
        checks::walk_of_mutated_request(&data);
    }

    #[test]
    fn any_answer_is_refused_without_a_trace_or_leaves_a_valid_request(data in data()) {
        checks::any_edits(&data);
    }

    #[test]
    fn any_interest_is_refused_with_a_reason_or_can_be_served(data in data()) {
        declared::any_interest(&data);
    }

    #[test]
    fn borrowed_messages_say_what_decoded_ones_say(data in data()) {
        read::outer_messages(&data);
        read_metrics::points(&data);
    }

    #[test]
    fn borrowed_messages_of_any_bytes_end_and_their_text_is_text(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        read::any_bytes(&bytes);
        read_metrics::any_bytes(&bytes);
    }

    #[test]
    fn a_request_comes_back_from_json_as_the_same_message(data in data()) {
        json::round_trip(&data);
    }

    #[test]
    fn a_mutated_json_text_is_refused_or_becomes_a_valid_request(data in data()) {
        json::mutated_text(&data);
    }

    #[test]
    fn any_json_text_is_refused_or_becomes_a_valid_request(text in "[{}\\[\\]\",:a-zA-Z0-9 .\\\\-]{0,200}") {
        json::any_text(text.as_bytes());
    }

    #[test]
    fn whatever_the_walk_accepts_has_json(data in data()) {
        json::any_request(&data);
        json::mutated_bytes(&data);
    }

    #[test]
    fn two_requests_differ_exactly_if_their_trees_do(data in data()) {
        json::difference_of_two(&data);
    }

    #[test]
    fn the_parts_of_a_request_say_what_it_said(data in data()) {
        split::split_of_valid_request(&data);
    }

    #[test]
    fn whatever_can_be_counted_can_be_split_without_losing_an_item(data in data()) {
        split::split_of_any_bytes(&data);
        split::split_of_mutated_request(&data);
    }
}
