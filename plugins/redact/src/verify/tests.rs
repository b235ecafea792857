//! How findings are united, and that hostile text costs time linear in its length.

use super::*;
use crate::{
    rule::RuleSet,
    scan::{Scanner, prefixes},
    text,
};

fn found(start: usize, end: usize, rule: Rule) -> Found {
    Found { start, end, rule, united: false }
}

#[test]
fn overlapping_findings_are_united_and_marked() {
    let mut all = vec![found(5, 9, Rule::SSN), found(0, 6, Rule::EMAIL), found(9, 12, Rule::JWT)];
    settle(&mut all);
    assert_eq!(all.len(), 2);
    assert_eq!((all[0].start, all[0].end, all[0].rule, all[0].united), (0, 9, Rule::EMAIL, true));
    assert_eq!(all[1], found(9, 12, Rule::JWT));
}

#[test]
fn the_longest_of_one_rule_swallows_the_others_unmarked() {
    let mut all = vec![found(2, 5, Rule::URL_USERINFO), found(2, 9, Rule::URL_USERINFO)];
    settle(&mut all);
    assert_eq!(all, [found(2, 9, Rule::URL_USERINFO)]);
}

/// Bytes walked by all verifiers over the text, and how many findings there were.
fn work(scanner: &Scanner, text: &str) -> (usize, usize) {
    let (mut memory, mut all) = (Memory::default(), Vec::new());
    text::WALKED.with(|walked| walked.set(0));
    scanner.sweep(text.as_bytes(), |hit| verify(scanner, &mut memory, text.as_bytes(), hit, &mut all));
    (text::WALKED.with(std::cell::Cell::get), all.len())
}

#[test]
fn no_repetition_makes_the_verifiers_walk_more_than_a_few_times_over_it() {
    let mut rules = RuleSet::defaults();
    rules.insert(Rule::IP);
    let scanner = Scanner::new(rules, prefixes::literals(rules));
    let mut units: Vec<String> = prefixes::literals(rules)
        .iter()
        .map(|literal| String::from_utf8(literal.text.to_vec()).unwrap())
        .flat_map(|text| [format!("{text}-"), format!("{text}."), format!(" {text}"), text])
        .collect();
    for unit in [
        "\\u00",
        "4111 ",
        "4111-",
        "4111111111111111",
        "a@",
        "@",
        "a.b@",
        "@b.co",
        "//",
        "//u:p@",
        "https://u:p@x",
        "eyJ-",
        "eyJhbGciOiJIUzI1NiJ9.",
        "eyJhbGciOiJIUzI1NiJ9-",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY----------END ",
        "password=$",
        "password='",
        "bearer x",
        "basic YTpi",
        "a.",
        "1.",
        "1:",
        "1.2.3.4.",
        "::",
        "a:",
        "GB82",
        "GB82WEST",
        "123-45-6789-",
        "123-45-",
        "%40",
        "a%40",
        "a%40b.",
        "%2B",
        "-",
        " ",
    ] {
        units.push(unit.to_owned());
    }
    for unit in units {
        let text = unit.repeat((1 << 14) / unit.len());
        let (walked, found) = work(&scanner, &text);
        assert!(walked < text.len() * 40, "{unit}: {} a byte", walked / text.len());
        assert!(found < text.len(), "{unit}: {found} findings");
        // Twice the text is twice the work, and a little for the ends.
        let (twice, _) = work(&scanner, &text.repeat(2));
        assert!(twice < walked * 2 + 4096, "{unit}: {walked}, then {twice}");
    }
}
