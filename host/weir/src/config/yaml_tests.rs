//! Tests of the YAML reader.

use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Node, Vec<String>> {
    parse(text, &Arc::from("f.yaml")).map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn first_problem(text: &str) -> String {
    read(text).unwrap_err().remove(0)
}

#[test]
fn values_know_their_line_and_column() {
    let root = read("a:\n  b: [x, 12]\n").unwrap();
    let entry = &root.get("a").unwrap().entries()[0];
    assert_eq!((entry.place.line, entry.place.column), (2, 3));
    let Value::Sequence(items) = &entry.value.value else { panic!("not a list") };
    assert_eq!(items[1].place.to_string(), "f.yaml:2:10");
}

#[test]
fn quoted_scalars_stay_text() {
    let root = read("{a: '12', b: \"true\", c: !!str 12, d: !!float 1}").unwrap();
    let values: Vec<_> = root.entries().iter().map(|e| e.value.value.clone()).collect();
    let text = |s: &str| Value::String(s.to_owned());
    assert_eq!(values, [text("12"), text("true"), text("12"), Value::Float(1.0)]);
}

#[test]
fn anchors_and_merge_keys_are_resolved() {
    let merged = read("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nlist: {<<: [{z: 1}, {z: 2, w: 3}]}\n");
    let plain = read("base: {x: 1, y: 2}\nuse: {y: 3, x: 1}\nlist: {z: 1, w: 3}\n");
    assert_eq!(merged, plain);
}

#[test]
fn a_quoted_merge_key_is_an_ordinary_key() {
    assert!(read("{'<<': 1}").unwrap().get("<<").is_some());
}

#[test]
fn what_is_wrong_is_said_with_line_and_column() {
    for (text, message) in [
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: a: this key is already given in line 1"),
        ("x:\n  a: 1\n  a: 3\n", "f.yaml:3:3: x::a: this key is already given in line 2"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document starts here; a configuration is one"),
        ("? [a]\n: 1\n", "f.yaml:1:3: a list or a map cannot be a key"),
        ("a: &x [*x]\n", "f.yaml:1:8: a::0: this alias stands inside the value that it stands for"),
        ("a: !secret x\n", "f.yaml:1:4: a: the tag !secret is not known here; leave it out"),
        ("a: !!int x\n", "f.yaml:1:4: a: this is no int"),
        ("a: {<<: 1}\n", "f.yaml:1:5: a::<<: a merge key << wants a map or a list of maps"),
    ] {
        assert_eq!(first_problem(text), message, "{text:?}");
    }
}

#[test]
fn syntax_errors_say_where() {
    let message = first_problem("a: [1, 2\nb: 3\n");
    assert!(message.starts_with("f.yaml:2:"), "{message}");
    assert!(message.contains("not valid YAML"), "{message}");
}

#[test]
fn every_repeated_key_is_reported() {
    assert_eq!(read("{a: 1, a: 2, b: 1, b: 2}").unwrap_err().len(), 2);
}

#[test]
fn aliases_of_aliases_cannot_explode() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..10 {
        let before = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", vec![before; 10].join(", ")));
    }
    assert!(first_problem(&text).contains("more than 100000 values"));
}

#[test]
fn deep_nesting_is_refused_even_through_aliases() {
    assert!(first_problem(&"[".repeat(100)).contains("nested more than 64 deep"));
    let mut text = String::from("a0: &a0 [x]\n");
    for level in 1..100 {
        text.push_str(&format!("a{level}: &a{level} [*a{}]\n", level - 1));
    }
    assert!(first_problem(&text).contains("nested more than 64 deep"));
}

#[test]
fn very_long_text_is_refused() {
    assert!(first_problem(&" ".repeat(TEXT_BYTES_MAX + 1)).contains("longer than"));
}

proptest! {
    #[test]
    fn arbitrary_text_never_panics(text in ".{0,200}") {
        let _ = read(&text);
    }

    #[test]
    fn text_of_yaml_marks_never_panics(text in "[-?:,\\[\\]{}#&*!|>'\"%@`a \n\t~<0.]{0,80}") {
        let _ = read(&text);
    }
}
