//! The syntax, piece by piece.

use super::*;

#[track_caller]
fn is(pattern: &str, expected: &str) {
    assert_eq!(translate(pattern).map(|translated| translated.text), Ok(expected.to_owned()), "{pattern}");
}

#[test]
fn classes_and_word_boundaries_are_ascii_as_in_go() {
    is(r"\d\D", "[0-9][^0-9]");
    is(r"\w+\W", "[0-9A-Za-z_]+[^0-9A-Za-z_]");
    is(r"\s[\s\S]", r"[\t\n\x0C\r\x20][\t\n\x0C\r\x20[^\t\n\x0C\r\x20]]");
    is(r"\bx\B", r"(?-u:\b)x(?-u:\B)");
    is(r"[[:alpha:][:^digit:]_]", "[[:alpha:][:^digit:]_]");
    is(r"\pL\p{Greek}\P{^Greek}\p{^Lu}[\pN]", r"\pL\p{Greek}\p{Greek}\P{Lu}[\pN]");
}

#[test]
fn what_only_the_crate_has_a_meaning_for_stands_for_itself() {
    is("[a&&b]", r"[a\&\&b]");
    is("[a[b]", r"[a\[b]");
    is("[a~~b-]", r"[a\~\~b\-]");
    is("[]a]", r"[\]a]");
    is("[^]-a]", r"[^\]-a]");
    is(r"\<a\>", "<a>");
    is("a{,3}", r"a\{\,3\}");
    is("a{x} { }", r"a\{x\}\x20\{\x20\}");
    is("a{01}", r"a\{01\}");
    is("#a b", r"\#a\x20b");
    is(r"\Qa.b\E.\Q*", r"a\.b.\*");
    is(r"\Qa\E+", "a+");
    is(r"\101\x41\x{1F600}\0", "AA\u{1f600}\\x00");
    is(r"\a\f\v\t", r"\x07\x0C\x0B\x09");
    is(r"[\n-\r\]]", r"[\x0A-\x0D\]]");
    is(r"[\d-z]", r"[0-9\-z]");
}

#[test]
fn groups_and_repetitions_are_the_same_in_both() {
    is(r"(?i)a(?s-m:b)*?|c{2}{", r"(?i)a(?s-m:b)*?|c{2}\{");
    is("a{2,}b{2,2}?c{1,3}^$.", "a{2,}b{2}?c{1,3}^$.");
    let translated = translate(r"(a)(?P<one>b)(?<two2>(?:c))").unwrap();
    assert_eq!(translated.text, "(a)(b)((?:c))");
    let names = [None, Some("one".to_owned()), Some("two2".to_owned())];
    assert_eq!(translated.groups, names);
    is("", "");
    is("a||b()", "a||b()");
}

#[test]
fn a_mistake_is_shown_where_it_is() {
    for (pattern, at) in [
        ("ab(c", 3),
        ("ab)", 3),
        ("x[a", 2),
        ("[]", 1),
        ("*a", 1),
        ("a|+", 3),
        ("a**", 3),
        ("a{2}{3}", 5),
        ("a{3,2}", 2),
        ("a{1001}", 2),
        ("a{99999999999}", 2),
        ("(?=a)", 1),
        ("(?<!a)", 1),
        ("(?P=a)", 1),
        ("(?P<a>b)(?P<a>c)", 9),
        ("(?P<a b>c)", 1),
        ("(?x)a", 1),
        ("(?u:a)", 1),
        ("(?-)a", 1),
        (r"a\", 2),
        (r"a\1", 2),
        (r"\Z", 1),
        (r"\C", 1),
        (r"\p", 1),
        (r"\p{", 1),
        (r"\x4", 1),
        (r"\x{110000}", 1),
        (r"\x{d800}", 1),
        ("[z-a]", 2),
        ("[[:word2:]]", 2),
        ("\u{e4}\u{e4}(", 3),
    ] {
        match translate(pattern) {
            Err(mistake) => assert_eq!(mistake.at, at, "{pattern}: {}", mistake.reason),
            Ok(translated) => panic!("{pattern} became {}", translated.text),
        }
    }
}
