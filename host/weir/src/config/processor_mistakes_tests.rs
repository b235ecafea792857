//! Each mistake in the configuration of a processor, with its message.

use super::mistakes_tests::each_says;
use super::testing::{config, problems, with_processor, with_processors, with_processors_of};
use crate::processor::{Operation, Source, Value};

#[track_caller]
fn has(signal: &str, processors: &str, expected: &[&str]) {
    let problems = problems(&with_processors_of(signal, processors));
    for expected in expected {
        assert!(problems.iter().any(|problem| problem.contains(expected)), "{processors}: {problems:#?}");
    }
    assert_eq!(problems.len(), expected.len(), "{processors}: {problems:#?}");
}

#[test]
fn an_action_has_what_it_needs_and_nothing_else() {
    let actions = |actions: &str, expected: &[&str]| {
        has("traces", &format!("{{attributes: {{actions: {actions}}}}}"), expected);
    };
    actions("[]", &["processors::attributes::actions: must have at least one action"]);
    actions("[{key: a}]", &["actions::0: the key \"action\" is required"]);
    actions("[{key: a, action: remove}]", &["actions::0::action: unknown value \"remove\""]);
    actions("[{action: insert, value: 1}]", &["actions::0: the key \"key\" is required"]);
    actions("[{action: delete}]", &["one of the keys \"key\" and \"pattern\" is required"]);
    actions(
        "[{key: a, action: insert}]",
        &["\"value\", \"from_attribute\" and \"default_value\" is required"],
    );
    actions("[{key: a, action: upsert, value: 1, from_attribute: b}]", &["two sources"]);
    actions(
        "[{key: a, action: upsert, from_context: client.address}]",
        &["from_context: weir keeps no metadata"],
    );
    actions("[{key: a, action: update, value: 1, pattern: x}]", &["pattern: this action does not use it"]);
    actions(
        "[{key: a, action: delete, value: 1, converted_type: int}]",
        &["value: this", "converted_type: this"],
    );
    actions("[{key: a, action: extract}]", &["the key \"pattern\" is required"]);
    actions("[{key: a, action: extract, pattern: '(x)'}]", &["every group needs a name"]);
    actions("[{key: a, action: extract, pattern: x}]", &["every group needs a name"]);
    actions(
        "[{key: a, action: hash, pattern: 'a('}]",
        &["pattern: at character 2 of the regular expression"],
    );
    actions("[{key: a, action: convert}]", &["the key \"converted_type\" is required"]);
    actions("[{key: a, action: convert, converted_type: bool}]", &["converted_type: unknown value \"bool\""]);
    actions("[{key: a, action: delete, form: x}]", &["actions::0::form: unknown key"]);
    actions(
        "[{key: a, action: delete}, {key: b}, {key: c}]",
        &["actions::1: the key", "actions::2: the key"],
    );
}

#[test]
fn what_is_matched_is_complete_and_fits_the_signal() {
    let include = |signal: &str, include: &str, expected: &[&str]| {
        let actions = "actions: [{key: a, action: delete}]";
        has(signal, &format!("{{attributes: {{{actions}, include: {include}}}}}"), expected);
    };
    include("traces", "{match_type: strict}", &["include: says of nothing what it has to be"]);
    include("traces", "{span_names: [a]}", &["the key \"match_type\" is required: strict or regexp"]);
    include("traces", "{match_type: expr, span_names: [a]}", &["match_type: unknown value \"expr\""]);
    include("traces", "{match_type: regexp, span_names: [a, '[']}", &["span_names::1: at character 1"]);
    include(
        "traces",
        "{match_type: strict, span_kinds: [SERVER]}",
        &["span_kinds::0: no span has this kind"],
    );
    include(
        "traces",
        "{match_type: regexp, attributes: [{key: a, value: 1}]}",
        &["value: expected a string"],
    );
    include("traces", "{match_type: strict, attributes: [{value: 1}]}", &["the key \"key\" is required"]);
    include("traces", "{match_type: strict, span_names: [a], regexp: {}}", &["not supported yet by weir"]);
    include("logs", "{log_severity_number: {min: 25}}", &["log_severity_number::min"]);
    for (signal, is_refused) in [
        ("traces", [false, false, false, true, true]),
        ("logs", [true, false, false, false, true]),
        ("metrics", [true, false, true, true, false]),
    ] {
        let all = [
            "services: [a]",
            "resources: [{key: a}]",
            "libraries: [{name: a}]",
            "log_bodies: [a]",
            "metric_names: [a]",
        ];
        for (key, is_refused) in all.into_iter().zip(is_refused) {
            let yaml = with_processors_of(
                signal,
                &format!(
                    "{{attributes: {{actions: [{{key: a, action: delete}}], exclude: {{match_type: strict, {key}}}}}}}"
                ),
            );
            let outcome =
                super::load_sources(&[super::testing::text(&yaml)], &super::testing::no_environment());
            assert_eq!(outcome.is_err(), is_refused, "{signal} {key}");
        }
    }
}

#[test]
fn a_redaction_that_weir_cannot_do_is_refused() {
    let redaction =
        |keys: &str, expected: &[&str]| has("logs", &format!("{{redaction: {{{keys}}}}}"), expected);
    redaction("blocked_values: [a, 'b)']", &["blocked_values::1: at character 2"]);
    redaction("allowed_values: ['\\p{Nothing}']", &["allowed_values::0: in the regular expression"]);
    redaction("hash_function: sha256", &["hash_function: unknown value \"sha256\""]);
    redaction("hash_function: hmac-sha512", &["the key \"hmac_key\" is required, of at least 64 bytes"]);
    redaction("hash_function: md5, hmac_key: x", &["hmac_key: is for the values"]);
    redaction("summary: loud", &["summary: unknown value \"loud\""]);
    redaction(
        "url_sanitizer: {enabled: true}, db_sanitizer: ",
        &["url_sanitizer: weir cannot sanitize URLs here"],
    );
    redaction("blocked_value: [a]", &["unknown key \"blocked_value\"; did you mean \"blocked_values\"?"]);
}

#[test]
fn a_secret_in_a_pattern_is_not_shown() {
    let yaml = with_processors_of("logs", "{redaction: {blocked_values: ['${env:PATTERN}']}}");
    let environment = [("PATTERN".to_owned(), "s3cret(".to_owned())].into_iter().collect();
    let environment: std::collections::BTreeMap<String, String> = environment;
    let problems = super::load_sources(&[super::testing::text(&yaml)], &environment).unwrap_err();
    let said = format!("{problems:?}");
    assert!(said.contains("at character 7") && !said.contains("s3cret"), "{said}");
}

#[test]
fn no_processor_of_this_kind_takes_profiles() {
    for processor in [
        "{redaction: {}}",
        "{resource: {attributes: [{key: a, action: delete}]}}",
        "{attributes: {actions: [{key: a, action: delete}]}}",
    ] {
        has("profiles", processor, &["takes logs, metrics, traces and no profiles"]);
    }
}

#[test]
fn values_have_the_types_of_yaml() {
    let yaml = with_processors_of(
        "logs",
        "{resource: {attributes: [{key: a, action: insert, value: 1}, {key: a, action: insert, value: '1'}, \
         {key: a, action: INSERT, value: [1.5, {b: true}]}]}}",
    );
    let config = config(&yaml);
    let Some(super::NativeProcessorConfig::Resource(resource)) = config.processors.values().next() else {
        panic!("a resource processor");
    };
    let list = Value::Array(vec![Value::Double(1.5), Value::Map(vec![("b".to_owned(), Value::Bool(true))])]);
    let expected = [Value::Int(1), Value::Str("1".to_owned()), list];
    for (action, value) in resource.actions.iter().zip(expected) {
        assert_eq!(action.operation, Operation::Insert(Source::Given(value)));
    }
}

#[test]
fn each_mistake_in_a_processor_has_its_own_words() {
    each_says(&[
        (
            with_processor("{wasm: {}}"),
            "processors::wasm: one of the keys \"plugin\" and \"directory\" is required",
        ),
        (
            with_processor("{wasm: {plugin: a, directory: b}}"),
            "processors::wasm: plugin and directory are two forms of this processor; give one of them",
        ),
        (
            with_processor("{wasm: {plugin: /none.wasm}}"),
            "processors::wasm::plugin: /none.wasm is not a file",
        ),
        (
            with_processor("{wasm: {directory: /none}}"),
            "processors::wasm::directory: /none is not a directory",
        ),
        (
            with_processor("{wasm: {directory: /tmp, timeout: 1s}}"),
            "processors::wasm::timeout: belongs to one plugin; put it into NAME.yaml beside NAME.wasm in the directory",
        ),
        (
            with_processor("{wasm: {plugin: /dev/null, config: {x: .nan}}}"),
            "processors::wasm::config::x: expected a finite number, since JSON has no other, found a number",
        ),
        (
            with_processor("{batch: {send_batch_size: 10, send_batch_max_size: 5}}"),
            "processors::batch::send_batch_max_size: must be 0, which is no limit, or at least send_batch_size, which is 10",
        ),
        (
            with_processor("{batch: {timeout: 1h}}"),
            "processors::batch::timeout: must be 10m at most: senders wait as long",
        ),
        (
            with_processor("{batch: {metadata_keys: [a]}}"),
            "processors::batch::metadata_keys: not supported yet by weir; leave it out",
        ),
        (
            with_processor("{memory_limiter: {limit_mib: 10}}"),
            "processors::memory_limiter: the key \"check_interval\" is required",
        ),
        (
            with_processor("{memory_limiter: {check_interval: 0s, limit_mib: 10}}"),
            "processors::memory_limiter::check_interval: expected a duration above zero, found \"0s\"",
        ),
        (
            with_processor("{memory_limiter: {check_interval: 1s}}"),
            "processors::memory_limiter: one of the keys \"limit_mib\" and \"limit_percentage\" is required",
        ),
        (
            with_processor("{memory_limiter: {check_interval: 1s, limit_mib: 10, spike_limit_mib: 10}}"),
            "processors::memory_limiter::spike_limit_mib: must be less than the limit, which leaves nothing for telemetry",
        ),
        (
            with_processors(
                "{memory_limiter: {check_interval: 1s, limit_mib: 10}, memory_limiter/b: {check_interval: 1s, limit_mib: 20}}",
                "memory_limiter, memory_limiter/b",
            ),
            "processors::memory_limiter/b: weir has one budget for all pipelines; give every memory_limiter the same limits",
        ),
        (
            with_processors("{batch: {}, batch/b: {}}", "batch, batch/b"),
            "service::pipelines::traces: requests are merged once; leave processor \"batch/b\" out",
        ),
    ]);
}
