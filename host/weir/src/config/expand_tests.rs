//! Tests of expansion.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn environment(variables: &[(&str, &str)]) -> BTreeMap<String, String> {
    variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn expanded(text: &str, variables: &[(&str, &str)]) -> Expanded {
    let root = yaml::parse(text, &Arc::from("dir/f.yaml")).unwrap();
    expand(root, &environment(variables))
}

/// The value of `a` after expansion.
fn value(text: &str, variables: &[(&str, &str)]) -> Value {
    let expanded = expanded(text, variables);
    let messages: Vec<String> = expanded.errors.iter().map(ToString::to_string).collect();
    assert_eq!(messages, [""; 0], "{text}");
    expanded.root.get("a").unwrap().value.clone()
}

fn string(text: &str) -> Value {
    Value::String(text.to_owned())
}

const VARIABLES: &[(&str, &str)] = &[
    ("PORT", "4317"),
    ("HOST", "db"),
    ("EMPTY", ""),
    ("FLAG", "true"),
    ("LIST", "[1, x]"),
    ("ZERO", "0123"),
    ("NAME", "PORT"),
    ("NESTED", "${env:HOST}:${env:PORT}"),
    ("PASSWORD", "p$$w{${d$"),
    ("BROKEN", "a: b: c"),
];

#[test]
fn an_expression_that_is_the_whole_value_is_typed_again() {
    for (text, expected) in [
        ("a: ${env:PORT}", Value::Int(4317)),
        ("a: ${PORT}", Value::Int(4317)),
        ("a: '${PORT}'", Value::Int(4317)),
        ("a: ${FLAG}", Value::Bool(true)),
        ("a: ${EMPTY}", Value::Null),
        ("a: ${UNSET:-5}", Value::Int(5)),
        ("a: ${env:UNSET:-}", Value::Null),
        ("a: ${PORT:-5}", Value::Int(4317)),
        ("a: ${EMPTY:-5}", Value::Null),
        ("a: ${UNSET:-${HOST}}", string("db")),
        ("a: ${env:${NAME}}", Value::Int(4317)),
        ("a: '${yaml:12}'", Value::Int(12)),
        ("a: ${BROKEN}", string("a: b: c")),
    ] {
        assert_eq!(value(text, VARIABLES), expected, "{text}");
    }
    let Value::Sequence(items) = value("a: ${LIST}", VARIABLES) else { panic!("not a list") };
    assert_eq!(items.len(), 2);
}

#[test]
fn an_expression_inside_other_text_stays_text() {
    for (text, expected) in [
        ("a: ${HOST}:${PORT}", "db:4317"),
        ("a: x${EMPTY}y", "xy"),
        ("a: ${NESTED}", "db:4317"),
        ("a: '1${PORT}'", "14317"),
        ("a: 100$$", "100$"),
        ("a: $${env:HOST}", "${env:HOST}"),
        ("a: $$$${HOST}", "$${HOST}"),
        ("a: $HOST", "$HOST"),
    ] {
        assert_eq!(value(text, VARIABLES), string(expected), "{text}");
    }
}

#[test]
fn a_password_with_dollar_signs_arrives_whole() {
    assert_eq!(value("a: x${PASSWORD}", VARIABLES), string("xp$$w{${d$"));
    assert_eq!(value("a: ${PASSWORD}", VARIABLES), string("p$$w{${d$"));
}

#[test]
fn keys_are_not_expanded() {
    assert!(expanded("${HOST}: 1", VARIABLES).root.get("${HOST}").is_some());
}

#[test]
fn the_text_behind_a_typed_value_is_kept_for_who_wants_a_string() {
    let expanded = expanded("a: ${ZERO}", VARIABLES);
    let node = expanded.root.get("a").unwrap();
    assert_eq!(node.value, Value::Int(123));
    assert_eq!(node.origin.as_ref().unwrap().text.as_deref(), Some("0123"));
}

#[test]
fn a_variable_that_is_not_set_is_empty_and_worth_a_warning() {
    let expanded = expanded("a:\n  b: x${UNSET}\n", &[]);
    let warnings: Vec<String> = expanded.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(warnings, ["dir/f.yaml:2:6: a::b: the variable UNSET is not set; it counts as empty"]);
}

#[test]
fn files_are_read_from_beside_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("token"), "s3cret\n").unwrap();
    std::fs::write(directory.path().join("part.yaml"), "x: ${HOST}\ny: [1]\n").unwrap();
    let file = directory.path().join("weir.yaml");
    let name = Arc::from(file.to_string_lossy().as_ref());
    let root = yaml::parse("{a: '${file:token}', b: '${file:part.yaml}', c: '${file:none}'}", &name).unwrap();
    let Expanded { root, errors, .. } = expand(root, &environment(VARIABLES));
    assert_eq!(root.get("a").unwrap().value, string("s3cret"));
    let part = root.get("b").unwrap();
    assert_eq!(part.get("x").unwrap().value, string("db"));
    let place = &part.entries()[1].place;
    assert!(place.to_string().ends_with("part.yaml:2:1"), "{place}");
    assert_eq!(errors.len(), 1);
    assert!(errors[0].to_string().ends_with("none: no such file or directory"), "{}", errors[0]);
}

#[test]
fn what_cannot_be_expanded_is_said_where_it_stands() {
    for (text, message) in [
        (
            "a: ${1x}",
            "dir/f.yaml:1:4: a: invalid variable name \"1x\": it starts with a letter or _ and has letters, digits and _ only",
        ),
        ("a: [x, 'y${HOST']", "dir/f.yaml:1:8: a::1: \"${\" without its \"}\"; write $$ for a dollar sign"),
        ("a: ${vault:x}", "dir/f.yaml:1:4: a: ${vault:...} is not known to weir; it has env, file and yaml"),
    ] {
        let errors = expanded(text, VARIABLES).errors;
        assert_eq!(errors.iter().map(ToString::to_string).collect::<Vec<_>>(), [message], "{text}");
    }
}

#[test]
fn a_value_that_refers_to_itself_is_an_error_that_shows_nothing_of_it() {
    let errors = expanded("a: ${LOOP}", &[("LOOP", "hunter2 ${env:LOOP}")]).errors;
    assert_eq!(errors.len(), 1);
    let message = errors[0].to_string();
    assert!(message.contains("levels deep") && !message.contains("hunter2"), "{message}");
}

#[test]
fn expansions_are_bounded_in_number_and_in_size() {
    let many: Vec<&str> = vec!["'${HOST}'"; EXPANSIONS_MAX + 5];
    let errors = expanded(&format!("a: [{}]", many.join(", ")), VARIABLES).errors;
    assert_eq!(errors.len(), 5);
    assert!(errors[0].reason.contains("more than 1000 expansions"), "{}", errors[0]);

    let big = "x".repeat(1 << 20);
    let errors = expanded(&format!("a: {}", "${BIG}".repeat(20)), &[("BIG", &big)]).errors;
    assert!(errors[0].reason.contains("more than 8388608 bytes"), "{}", errors[0]);
}

#[test]
fn messages_show_the_expression_and_never_the_value() {
    let expanded = expanded("a: ${LIST}\nb: Bearer ${HOST}\n", VARIABLES);
    for key in ["a", "b"] {
        let shown = expanded.root.get(key).unwrap().describe();
        assert!(shown.contains("${") && !shown.contains("db"), "{shown}");
    }
    assert!(!format!("{:?}", expanded.root.get("a").unwrap().origin).contains("[1, x]"));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".{0,60}", value in ".{0,60}") {
        let node = Node::new(Value::String(text), Place::whole("t"));
        let _ = expand(node, &environment(&[("A", &value)]));
    }

    #[test]
    fn text_of_expression_marks_never_panics(text in "[${}:a-z_A\\-]{0,40}", value in "[${}:A-]{0,20}") {
        let node = Node::new(Value::String(text), Place::whole("t"));
        let _ = expand(node, &environment(&[("A", &value), ("a", "${A}")]));
    }

    #[test]
    fn text_without_a_dollar_sign_is_unchanged(text in "[^$]{0,60}") {
        let node = Node::new(Value::String(text.clone()), Place::whole("t"));
        prop_assert_eq!(expand(node, &environment(&[])).root.value, Value::String(text));
    }

    #[test]
    fn doubled_dollar_signs_protect_any_text(text in "[a-z${}:]{0,40}") {
        let node = Node::new(Value::String(text.replace('$', "$$")), Place::whole("t"));
        let expanded = expand(node, &environment(&[]));
        prop_assert!(expanded.errors.is_empty());
        prop_assert_eq!(expanded.root.value, Value::String(text));
    }
}
