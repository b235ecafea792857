//! Guests that break on a batch: each for its one reason, which sender, metric and log are told; the next batch passes.

use serde_json::json;
use tonic::Code;
use weir_tests::{Signal, requests};

use super::{ATTACK, Host, PEACE, saying};

/// They end in a trap, or end themselves.
const TRAP: [&str; 9] = [
    "process/unreachable",
    "process/divide_by_zero",
    "process/load_beyond_memory",
    "process/wrong_indirect_call",
    "process/empty_indirect_call",
    "process/exits_as_failed",
    "process/exits_as_done",
    "realloc/traps",
    // A guest that is being handed something may not call out.
    "realloc/calls_the_host",
];

/// They want larger tables than they may have.
const TABLE: [&str; 1] = ["process/table_bomb"];

/// They recurse deeper than their stack.
const STACK: [&str; 1] = ["process/deep_recursion"];

/// They say more than they may.
const TOO_LARGE: [&str; 3] =
    ["process/answer_too_large", "process/count_of_4_billion", "process/log_too_large"];

/// They take longer than they may.
const TIMEOUT: [&str; 4] =
    ["process/endless_loop", "process/endless_host_calls", "process/sleeps_for_ever", "realloc/loops"];

/// They want more memory than they may have.
const MEMORY: [&str; 4] =
    ["process/memory_bomb", "process/memory_at_once", "process/many_memories", "realloc/takes_all_memory"];

/// What they say to the host is not of the component model's shape.
const BAD_OUTPUT: [&str; 17] = [
    "process/answer_beyond_memory",
    "process/answer_unaligned",
    "process/bytes_beyond_memory",
    "process/bytes_of_4_gib",
    "process/discriminant_unknown",
    "process/error_not_utf8",
    "process/error_of_4_gib",
    "process/handle_bomb",
    "process/log_beyond_memory",
    "process/log_not_utf8",
    "process/random_bytes_of_16_eib",
    "process/words_beyond_memory",
    "process/words_of_16_gib",
    "process/words_unaligned",
    "realloc/at_the_very_end",
    "realloc/beyond_memory",
    "realloc/unaligned",
];

/// They say themselves that they cannot.
const ERROR: [&str; 1] = ["process/error"];

/// Their answer is of the right shape, and wrong.
const BAD_EDIT: [&str; 36] = [
    "process/array_by_its_header",
    "process/attribute_at_another_level",
    "process/attribute_undeclared",
    "process/bool_of_two",
    "process/cell_out_of_range",
    "process/count_above_what_is_there",
    "process/encoded_garbage",
    "process/encoded_not_utf8",
    "process/encoded_too_deep",
    "process/entity_of_4_billion",
    "process/entity_out_of_range",
    "process/field_of_another_signal",
    "process/field_of_no_key",
    "process/field_undeclared",
    "process/field_unknown",
    "process/half_an_edit",
    "process/header_of_16_gib",
    "process/header_of_nothing",
    "process/int_of_three_bytes",
    "process/key_not_utf8",
    "process/key_of_nothing",
    "process/key_undefined",
    "process/kind_unknown",
    "process/op_of_nothing",
    "process/op_unknown",
    "process/remove_and_rename",
    "process/replace_and_remove",
    "process/replace_twice",
    "process/resource_dropped_undeclared",
    "process/severity_out_of_range",
    "process/string_not_utf8",
    "process/trace_id_too_short",
    "process/value_beyond_the_bytes",
    "process/value_ends_before_it_starts",
    "process/words_of_no_header",
    "process/wrong_kind",
];

/// The guests of this file.
pub(super) fn guests() -> Vec<&'static str> {
    [&TRAP[..], &TABLE, &STACK, &TOO_LARGE, &TIMEOUT, &MEMORY, &BAD_OUTPUT, &ERROR, &BAD_EDIT].concat()
}

/// Each of them is refused for this reason over gRPC and HTTP; before, between and after it weir does its work.
async fn break_for(reason: &str, guests: &[&'static str]) {
    for &guest in guests {
        let timeout = if reason == "timeout" { "200ms" } else { "20s" };
        let host = Host::start(guest, json!({"timeout": timeout})).await;
        let status = host.send(saying(ATTACK)).await.expect_err(guest);
        let message = format!("plugin guest failed ({reason}), try again");
        assert_eq!((status.code(), status.message()), (Code::Unavailable, &*message), "{guest}");
        goes_on(&host, guest).await;
        let received = host.upstream.received().len();
        assert_eq!(host.send_http(saying(ATTACK)).await, 503, "{guest}");
        assert_eq!(host.upstream.received().len(), received, "nothing of it went on: {guest}");
        goes_on(&host, guest).await;

        assert_eq!((host.failures(reason).await, host.all_failures().await), (2.0, 2.0), "{guest}");
        let line = format!(r#"plugin failed on a batch plugin="guest" reason="{reason}""#);
        host.weir.stderr_says(&line).await;
    }
}

/// The very next batches pass as they came: one that the guest is shown, if it can tell it from the one on which it
/// breaks, and one that it is not.
async fn goes_on(host: &Host, guest: &str) {
    host.is_well(guest).await;
    if !guest.starts_with("realloc/") {
        host.delivers_unchanged(guest, saying(PEACE)).await;
    }
    host.delivers_unchanged(guest, requests::unique(Signal::Logs, "clean", 3)).await;
}

#[tokio::test]
async fn a_guest_that_traps_or_exits_costs_its_batch_and_nothing_else() {
    break_for("trap", &TRAP).await;
}

#[tokio::test]
async fn a_guest_that_goes_beyond_its_tables_its_stack_or_its_answer_is_told_apart() {
    break_for("table", &TABLE).await;
    break_for("stack", &STACK).await;
    break_for("too_large", &TOO_LARGE).await;
}

#[tokio::test]
async fn a_guest_that_never_returns_is_ended() {
    break_for("timeout", &TIMEOUT).await;
}

#[tokio::test]
async fn a_guest_that_takes_all_memory_is_ended_at_its_limit() {
    break_for("memory", &MEMORY).await;
}

#[tokio::test]
async fn an_answer_that_lies_about_memory_is_not_read() {
    break_for("bad_output", &BAD_OUTPUT).await;
}

#[tokio::test]
async fn an_error_of_a_guest_is_its_own_word() {
    break_for("error", &ERROR).await;
}

#[tokio::test]
async fn edits_that_are_wrong_are_not_made() {
    break_for("bad_edit", &BAD_EDIT).await;
}

#[tokio::test]
async fn a_wrong_edit_is_logged_with_the_place_of_its_item() {
    let host = Host::start("process/string_not_utf8", json!({})).await;
    host.send(saying(ATTACK)).await.unwrap_err();
    let line = "gives a string that is not UTF-8, at resource 0, scope 0, item 0 (counted from 0)";
    host.weir.stderr_says(line).await;
}
