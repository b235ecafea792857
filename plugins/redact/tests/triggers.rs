//! The sweep announces every match: its findings equal those of an oracle that asks every verifier at every
//! position, over texts made of the pieces that rules are about.
#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

mod support;

use proptest::prelude::*;
use redact::{
    rule::Rule,
    scan::{Hit, Kind, literal::Literal},
    text,
    verify::{self, Found, Memory},
};
use support::{Texts, runs, secrets};

/// Asks every verifier at every position of one value, each time with a fresh memory.
fn oracle(texts: &Texts, value: &[u8]) -> (Vec<Found>, bool) {
    let (mut all, mut is_escaped) = (Vec::new(), false);
    let mut ask = |at: usize, kind: Kind| {
        let mut memory = Memory::default();
        verify::verify(&texts.scanner, &mut memory, value, Hit { at, kind }, &mut all);
        is_escaped |= memory.is_escaped;
    };
    let literals: Vec<&Literal> = (0..).map_while(|number| texts.scanner.literal(number)).collect();
    for at in 0..value.len() {
        for (number, literal) in literals.iter().enumerate() {
            if literal.is_at(value, at) && (literal.is_open_left() || text::opens(value, at)) {
                ask(at, Kind::Literal { number: number as u16, back: 0 });
            }
        }
        match value[at] {
            b'@' => ask(at, Kind::At),
            b':' => ask(at, Kind::Ipv6),
            digit if digit.is_ascii_digit() => {
                [Kind::CardRun, Kind::CardGroup, Kind::Ssn, Kind::Ipv4, Kind::Iban]
                    .into_iter()
                    .for_each(|kind| ask(at, kind));
            }
            _ => {}
        }
    }
    verify::settle(&mut all);
    (all, is_escaped)
}

/// What the rules find, without who found it first.
fn spans(found: &[Found]) -> Vec<(usize, usize)> {
    found.iter().map(|found| (found.start, found.end)).collect()
}

/// What rules are about, in pieces.
const PIECES: &[&str] = &[
    "a",
    "Z",
    "0",
    "7",
    "4111",
    "1111",
    "123",
    "45",
    "6789",
    "@",
    ".",
    ":",
    "::",
    "-",
    " ",
    "_",
    "/",
    "//",
    "=",
    "%40",
    "%20",
    "\\n",
    "\\u0040",
    "\\u00",
    "\"",
    "'",
    "{",
    "[",
    "\u{e9}",
    "\u{1f600}",
    "com",
    "ex.io",
    "bob@",
    "u:p@",
    "https://",
    "GB82",
    "WEST",
    "12345698765432",
    "10.0",
    ".0.1",
    "fe80",
    "eyJ",
    "Bearer ",
    "bAsIc ",
    "password=",
    "sig=",
    "token=",
    "ghp_",
    "sk-",
    "sk-ant-",
    "glpat-",
    "AKIA",
    "SG.",
    "hf_",
    "key-",
    "xoxb-",
    "-----BEGIN ",
    "PRIVATE KEY-----",
    "4111111111111111",
    "4111111111111",
    "123-45-6789",
    "\0",
    "\n",
    "\t",
    "git",
];

fn pieces() -> impl Strategy<Value = String> {
    let secret = prop::sample::select(secrets()).prop_map(|(_, secret)| secret);
    let cut = (prop::sample::select(secrets()), 0usize..60)
        .prop_map(|((_, secret), length)| secret.chars().take(length).collect::<String>());
    let word = prop::sample::select(PIECES).prop_map(str::to_owned);
    let piece = prop_oneof![12 => word, 2 => secret, 2 => cut, 1 => "[ -~]{0,9}"];
    prop::collection::vec(piece, 0..14).prop_map(|pieces| pieces.concat())
}

fn all_rules() -> Texts {
    Texts::new(r#"{"rules": {"ip": {}}}"#)
}

proptest! {
    #![proptest_config(runs(3000))]

    #[test]
    fn the_sweep_over_an_arena_finds_what_the_oracle_finds_in_each_value(
        values in prop::collection::vec(pieces(), 1..8), offset in 0usize..70,
    ) {
        let texts = all_rules();
        let mut arena = vec![b'x'; offset];
        let mut starts = Vec::new();
        for value in &values {
            arena.push(0);
            starts.push(arena.len());
            arena.extend_from_slice(value.as_bytes());
        }
        let mut found: Vec<(Memory, Vec<Found>)> = values.iter().map(|_| Default::default()).collect();
        let mut last = 0;
        texts.scanner.sweep(&arena, |hit| {
            assert!(hit.at >= last, "hits come in order");
            last = hit.at;
            let after = starts.partition_point(|start| *start <= hit.at);
            let Some(number) = after.checked_sub(1) else { return };
            let (memory, all) = &mut found[number];
            let at = hit.at - starts[number];
            verify::verify(&texts.scanner, memory, values[number].as_bytes(), Hit { at, ..hit }, all);
        });
        for (value, (memory, mut all)) in values.iter().zip(found) {
            verify::settle(&mut all);
            let (expected, is_escaped) = oracle(&texts, value.as_bytes());
            prop_assert_eq!(spans(&all), spans(&expected), "{:?}", value);
            prop_assert_eq!(memory.is_escaped, is_escaped, "{:?}", value);
        }
    }
}

#[test]
fn every_rule_can_be_found_by_the_oracle_itself() {
    let texts = all_rules();
    for (rule, secret) in
        secrets().into_iter().chain([(Rule::IP, "10.0.0.1".to_owned()), (Rule::IP, "fe80::1".to_owned())])
    {
        let (found, _) = oracle(&texts, secret.as_bytes());
        assert_eq!(
            found.iter().map(|f| (f.start, f.end)).collect::<Vec<_>>(),
            [(0, secret.len())],
            "{rule:?}"
        );
    }
}
