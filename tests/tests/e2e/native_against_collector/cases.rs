//! The table: configurations, and where weir differs on purpose.

/// One row.
pub struct Case {
    /// What it is about.
    pub name: &'static str,
    /// The signals whose pipelines it is in.
    pub signals: &'static str,
    /// The processors in their order, as a list of maps of one kind and its settings.
    pub processors: &'static str,
    /// Why weir does something else; empty if it does not.
    pub differs: &'static str,
    /// The signals in which it does.
    pub differs_in: &'static str,
}

const ALL: &str = "traces metrics logs";

const fn same(name: &'static str, signals: &'static str, processors: &'static str) -> Case {
    Case { name, signals, processors, differs: "", differs_in: "" }
}

pub const CASES: &[Case] = &[
    same(
        "insert, update and upsert, of what is there and what is not",
        ALL,
        r#"[{"attributes": {"actions": [
        {"key": "new", "action": "insert", "value": 7}, {"key": "card", "action": "insert", "value": "no"},
        {"key": "user.id", "action": "update", "value": 1.5}, {"key": "none", "action": "update", "value": "no"},
        {"key": "truth", "action": "UPSERT", "value": false}, {"key": "more", "action": "Upsert", "value": "yes"}]}}]"#,
    ),
    same(
        "values of every type",
        ALL,
        r#"[{"attributes": {"actions": [
        {"key": "a", "action": "insert", "value": [1, "two", 3.5, true, {"k": []}]},
        {"key": "b", "action": "insert", "value": {"deep": {"er": null}, "list": [null]}},
        {"key": "tree", "action": "upsert", "value": {"x": 1}}, {"key": "list", "action": "update", "value": ""}]}}]"#,
    ),
    same(
        "values of other attributes, and in their place",
        ALL,
        r#"[{"attributes": {"actions": [
        {"key": "copy.tree", "action": "insert", "from_attribute": "tree"},
        {"key": "copy.bytes", "action": "upsert", "from_attribute": "bytes"},
        {"key": "copy.nothing", "action": "upsert", "from_attribute": "nothing"},
        {"key": "card", "action": "update", "from_attribute": "list"},
        {"key": "gone", "action": "upsert", "from_attribute": "none"},
        {"key": "user.email", "action": "upsert", "from_attribute": "none", "default_value": "nobody"},
        {"key": "default", "action": "insert", "default_value": 3}]}}]"#,
    ),
    same(
        "each action sees what the former ones left",
        ALL,
        r#"[{"attributes": {"actions": [
        {"key": "card", "action": "delete"}, {"key": "card", "action": "update", "value": "no"},
        {"key": "card", "action": "insert", "from_attribute": "user.email"}, {"key": "card", "action": "hash"},
        {"key": "user.email", "action": "upsert", "from_attribute": "card"}]}}]"#,
    ),
    same(
        "deleting by key, by pattern and by both",
        ALL,
        r#"[{"attributes": {"actions": [
        {"key": "card", "action": "delete"}, {"pattern": "^user\\.", "action": "delete"},
        {"key": "truth", "pattern": "(?i)^L", "action": "delete"}, {"pattern": "\\d", "action": "delete"}]}}]"#,
    ),
    same(
        "hashes of every type, and of what is named and matches",
        ALL,
        r#"[{"attributes": {"actions": [
        {"pattern": "^[^u]", "action": "hash"}, {"key": "user.id", "action": "hash"},
        {"key": "user.email", "pattern": "email", "action": "hash"}]}}]"#,
    ),
    same(
        "extraction",
        ALL,
        r##"[{"attributes": {"actions": [
        {"key": "http.url", "action": "extract",
         "pattern": "^(?P<scheme>.*)://(?P<host>[^/]*)(?P<path>/[^?#]*)(?:\\?(?P<query>[^#]*))?(?P<card>#none)?"},
        {"key": "user.id", "action": "extract", "pattern": "(?P<no>.*)"},
        {"key": "lines", "action": "extract", "pattern": "(?m)^(?<last>s\\w+)$"}]}}]"##,
    ),
    same(
        "conversion to text",
        ALL,
        r#"[{"attributes": {"actions": [
        {"key": "user.id", "action": "convert", "converted_type": "string"},
        {"key": "truth", "action": "convert", "converted_type": "string"},
        {"key": "small", "action": "convert", "converted_type": "string"},
        {"key": "large", "action": "convert", "converted_type": "string"},
        {"key": "plain", "action": "convert", "converted_type": "string"},
        {"key": "whole", "action": "convert", "converted_type": "string"},
        {"key": "bytes", "action": "convert", "converted_type": "string"},
        {"key": "nothing", "action": "convert", "converted_type": "string"},
        {"key": "list", "action": "convert", "converted_type": "string"},
        {"key": "tree", "action": "convert", "converted_type": "string"}]}}]"#,
    ),
    same(
        "conversion to whole numbers",
        ALL,
        r#"[{"attributes": {"actions": [
        {"key": "user.id", "action": "convert", "converted_type": "int"},
        {"key": "number", "action": "convert", "converted_type": "int"},
        {"key": "plus", "action": "convert", "converted_type": "int"},
        {"key": "fraction", "action": "convert", "converted_type": "int"},
        {"key": "words", "action": "convert", "converted_type": "int"},
        {"key": "truth", "action": "convert", "converted_type": "int"},
        {"key": "lie", "action": "convert", "converted_type": "int"},
        {"key": "small", "action": "convert", "converted_type": "int"},
        {"key": "plain", "action": "convert", "converted_type": "int"},
        {"key": "bytes", "action": "convert", "converted_type": "int"},
        {"key": "nothing", "action": "convert", "converted_type": "int"},
        {"key": "list", "action": "convert", "converted_type": "int"},
        {"key": "card", "action": "convert", "converted_type": "int"},
        {"key": "none", "action": "convert", "converted_type": "int"}]}}]"#,
    ),
    same(
        "conversion to numbers",
        ALL,
        r#"[{"attributes": {"actions": [
        {"key": "user.id", "action": "convert", "converted_type": "double"},
        {"key": "number", "action": "convert", "converted_type": "double"},
        {"key": "plus", "action": "convert", "converted_type": "double"},
        {"key": "fraction", "action": "convert", "converted_type": "double"},
        {"key": "words", "action": "convert", "converted_type": "double"},
        {"key": "truth", "action": "convert", "converted_type": "double"},
        {"key": "lie", "action": "convert", "converted_type": "double"},
        {"key": "small", "action": "convert", "converted_type": "double"},
        {"key": "plain", "action": "convert", "converted_type": "double"},
        {"key": "bytes", "action": "convert", "converted_type": "double"},
        {"key": "nothing", "action": "convert", "converted_type": "double"},
        {"key": "list", "action": "convert", "converted_type": "double"},
        {"key": "card", "action": "convert", "converted_type": "double"},
        {"key": "none", "action": "convert", "converted_type": "double"}]}}]"#,
    ),
    same(
        "spans by service, name, kind and scope",
        "traces",
        r#"[
        {"attributes": {"include": {"match_type": "strict", "services": ["billing"], "span_kinds": ["SPAN_KIND_SERVER"]},
         "actions": [{"key": "in", "action": "insert", "value": 1}]}},
        {"attributes": {"include": {"match_type": "regexp", "services": ["nil"], "span_names": ["^(GET|$)"]},
         "exclude": {"match_type": "regexp", "libraries": [{"name": "^io", "version": "^1"}]},
         "actions": [{"key": "in2", "action": "insert", "value": 1}]}},
        {"attributes": {"exclude": {"match_type": "strict", "libraries": [{"name": "io.db", "version": ""}], "span_names": ["GET /cart"]},
         "actions": [{"key": "in3", "action": "insert", "value": 1}]}}]"#,
    ),
    same(
        "several libraries all have to match, as the Collector has it",
        "traces logs",
        r#"[
        {"attributes": {"include": {"match_type": "regexp", "libraries": [{"name": "io"}, {"name": "db"}]},
         "actions": [{"key": "in", "action": "insert", "value": 1}]}}]"#,
    ),
    same(
        "logs by body, severity and attributes",
        "logs",
        r#"[
        {"attributes": {"include": {"match_type": "regexp", "log_bodies": ["4711$", "^\\{.*user", "^$"]},
         "actions": [{"key": "in", "action": "insert", "value": 1}]}},
        {"attributes": {"include": {"match_type": "strict", "log_severity_texts": ["ERROR"]},
         "actions": [{"key": "in2", "action": "insert", "value": 1}]}},
        {"attributes": {"include": {"log_severity_number": {"min": 13, "match_undefined": true}},
         "exclude": {"log_severity_number": {"min": 21}, "attributes": [{"key": "card"}]},
         "actions": [{"key": "in3", "action": "insert", "value": 1}]}}]"#,
    ),
    same(
        "attributes and resources by value of every type",
        "traces logs",
        r#"[
        {"attributes": {"include": {"match_type": "strict", "attributes": [{"key": "user.id", "value": 4711},
          {"key": "truth", "value": true}, {"key": "plain", "value": 3.75}, {"key": "list"}]},
         "actions": [{"key": "in", "action": "insert", "value": 1}]}},
        {"attributes": {"include": {"match_type": "strict", "attributes": [{"key": "user.id", "value": 4711.0}]},
         "actions": [{"key": "in2", "action": "insert", "value": 1}]}},
        {"attributes": {"include": {"match_type": "regexp", "attributes": [{"key": "user.id", "value": "^47"},
          {"key": "plain", "value": "^3\\.75$"}, {"key": "truth", "value": "tr"}]},
         "actions": [{"key": "in3", "action": "insert", "value": 1}]}},
        {"attributes": {"exclude": {"match_type": "regexp", "resources": [{"key": "host.name", "value": "^node"}]},
         "actions": [{"key": "in4", "action": "insert", "value": 1}]}},
        {"attributes": {"include": {"match_type": "strict", "resources": [{"key": "tags", "value": ["a", "b"]}]},
         "actions": [{"key": "in5", "action": "insert", "value": 1}]}},
        {"attributes": {"include": {"match_type": "strict", "attributes": [{"key": "tree", "value":
          {"a": {"<b>": "\"q\" & \u00e4\u2028", "deep": 4711}, "z": "4111111111111111"}}]},
         "actions": [{"key": "in6", "action": "insert", "value": 1}]}}]"#,
    ),
    same(
        "metrics by name",
        "metrics",
        r#"[
        {"attributes": {"include": {"match_type": "regexp", "metric_names": ["s$"]}, "exclude": {"match_type": "strict", "metric_names": ["sizes"]},
         "actions": [{"key": "in", "action": "insert", "value": 1}]}}]"#,
    ),
    Case {
        name: "metrics by resource",
        signals: "metrics",
        processors: r#"[{"attributes": {"include": {"match_type": "strict", "resources": [{"key": "service.name", "value": "billing"}]},
            "actions": [{"key": "in", "action": "insert", "value": 1}]}}]"#,
        differs: "the Collector reads the resources of a match of metrics and ignores them, so that the actions are about all metrics",
        differs_in: "metrics",
    },
    same(
        "attributes of resources",
        ALL,
        r#"[{"resource": {"attributes": [
        {"key": "env", "action": "insert", "value": "prod"}, {"key": "host.name", "action": "update", "value": "hidden"},
        {"key": "service.name", "action": "upsert", "value": "all"}, {"key": "process.pid", "action": "delete"},
        {"key": "k8s.pod.name", "action": "hash"}, {"key": "copy", "action": "upsert", "from_attribute": "tags"}]}}]"#,
    ),
    same(
        "resources by pattern",
        ALL,
        r#"[{"resource": {"attributes": [
        {"pattern": "name$", "action": "hash"}, {"pattern": "^process", "action": "delete"},
        {"key": "tags", "action": "convert", "converted_type": "string"}]}}]"#,
    ),
    same(
        "resource, attributes and resource again",
        ALL,
        r#"[
        {"resource": {"attributes": [{"key": "service.name", "action": "upsert", "value": {"a": [1]}}]}},
        {"attributes": {"actions": [{"key": "card", "action": "upsert", "value": ["x"]}]}},
        {"resource": {"attributes": [{"key": "service.name", "action": "convert", "converted_type": "string"}]}}]"#,
    ),
    same(
        "a resource is extracted from and converted",
        ALL,
        r#"[{"resource": {"attributes": [
        {"key": "k8s.pod.name", "action": "extract", "pattern": "^(?P<app>\\w+)-(?P<number>\\d+)"},
        {"key": "number", "action": "convert", "converted_type": "int"}]}}]"#,
    ),
    same("nothing is allowed", ALL, r#"[{"redaction": {"summary": "debug"}}]"#),
    same(
        "some keys are allowed",
        ALL,
        r#"[{"redaction": {"allowed_keys": ["card", "user", "service.name"],
        "ignored_keys": ["user.id", "kept"], "blocked_values": ["4[0-9]{15}"], "summary": "debug"}}]"#,
    ),
    same(
        "values are blocked",
        ALL,
        r#"[{"redaction": {"allow_all_keys": true,
        "blocked_values": ["4[0-9]{12}(?:[0-9]{3})?", "(5[1-5][0-9]{14})", "[^@ ]+@[^@ ]+"], "summary": "info"}}]"#,
    ),
    same(
        "values are blocked and others allowed",
        ALL,
        r#"[{"redaction": {"allow_all_keys": true, "blocked_values": ["\\d{2,}"],
        "allowed_values": [".+@example\\.org", "^card"], "summary": "debug"}}]"#,
    ),
    same(
        "keys are blocked",
        ALL,
        r#"[{"redaction": {"allow_all_keys": true, "blocked_key_patterns": [".*card.*", "^secret", "^user\\.", "lines", "truth", "tree"],
        "ignored_key_patterns": ["email$"], "summary": "debug"}}]"#,
    ),
    same(
        "every type is looked at",
        ALL,
        r#"[{"redaction": {"allow_all_keys": true, "redact_all_types": true,
        "blocked_values": ["4[0-9]{3,}", "true", "e\\+21", "AAEC"], "blocked_key_patterns": ["^pla"], "summary": "debug"}}]"#,
    ),
    same(
        "md5",
        ALL,
        r#"[{"redaction": {"allow_all_keys": true, "hash_function": "md5", "blocked_values": ["4[0-9]{15}"]}}]"#,
    ),
    same(
        "sha1, line by line",
        ALL,
        r#"[{"redaction": {"allow_all_keys": true, "hash_function": "SHA1", "blocked_key_patterns": ["lines", "empty", "bytes"], "summary": "silent"}}]"#,
    ),
    same(
        "sha3",
        ALL,
        r#"[{"redaction": {"allow_all_keys": true, "hash_function": "sha3", "blocked_values": ["4[0-9]{15}", "[a-f]+"]}}]"#,
    ),
    same(
        "keyed hashes",
        ALL,
        r#"[
        {"redaction": {"allow_all_keys": true, "hash_function": "hmac-sha256", "hmac_key": "0123456789abcdef0123456789abcdef", "blocked_values": ["4[0-9]{15}"]}},
        {"redaction": {"allow_all_keys": true, "hash_function": "hmac-sha512", "blocked_values": ["ada@"],
         "hmac_key": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}]"#,
    ),
    same(
        "patterns that match nothing at all",
        ALL,
        r#"[{"redaction": {"allow_all_keys": true, "blocked_values": ["x*"], "summary": "debug"}}]"#,
    ),
    same(
        "everything is blocked",
        ALL,
        r#"[{"redaction": {"allow_all_keys": true, "blocked_values": [".*"], "summary": "info"}}]"#,
    ),
    same(
        "what a former redaction says is added to",
        ALL,
        r#"[
        {"redaction": {"allow_all_keys": true, "blocked_values": ["4[0-9]{15}"], "allowed_values": ["fine"], "ignored_keys": ["kept"], "summary": "debug"}},
        {"redaction": {"allowed_keys": ["card", "user.email"], "blocked_values": ["ada"], "summary": "debug"}}]"#,
    ),
    same(
        "the syntax of patterns is Go's",
        ALL,
        r#"[{"redaction": {"allow_all_keys": true, "summary": "debug", "blocked_values": [
        "\\d\\d \\W", "\\Qs3cret#\\E", "(?i)FORTY", "[[:digit:]]{4}", "\\bpay\\b", "\\pL+ü", "[\\[{]\"", "\\x40\\141|\\z{2}", "a{,2}"]}}]"#,
    ),
    same(
        "actions between redactions",
        ALL,
        r#"[
        {"attributes": {"actions": [{"key": "copy", "action": "insert", "from_attribute": "card"}]}},
        {"redaction": {"allow_all_keys": true, "blocked_values": ["4[0-9]{15}"], "summary": "info"}},
        {"attributes": {"actions": [{"key": "redaction.masked.count", "action": "convert", "converted_type": "string"}]}},
        {"resource": {"attributes": [{"key": "redaction.masked.count", "action": "delete"}]}}]"#,
    ),
];
