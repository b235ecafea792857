//! The numbers of this crate are those that `wit/types.wit` promises to plugins.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use weir_otlp::{Signal, field, kind, level, op};

/// The `number name` rows of one section of the contract.
fn section(title: &str) -> BTreeMap<String, u32> {
    let contract = include_str!("../../../wit/types.wit");
    let from = contract.find(title).unwrap();
    let section = &contract[from + title.len()..];
    let section = &section[..section.find("/// ##").or_else(|| section.find("interface")).unwrap()];
    let mut rows = BTreeMap::new();
    for line in section.lines() {
        let words: Vec<&str> = line.trim_start().trim_start_matches('/').split_whitespace().collect();
        let pairs = words.windows(2).filter_map(|pair| Some((pair[1].to_owned(), pair[0].parse().ok()?)));
        // A row starts with a number; signals and levels stand several in a line.
        if words.first().is_some_and(|word| word.parse::<u32>().is_ok()) {
            rows.extend(pairs.filter(|(name, _)| name.starts_with(|c: char| c.is_ascii_lowercase())));
        }
    }
    rows
}

macro_rules! check {
    ($rows:expr, $module:ident: $($name:ident)*) => {
        $(assert_eq!(
            $rows.get(stringify!($name).to_lowercase().as_str()),
            Some(&u32::from($module::$name)),
            "{}", stringify!($name)
        );)*
    };
}

#[test]
fn signals_and_levels_are_those_of_the_contract() {
    let signals = section("## Signals");
    for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
        assert_eq!(signals.get(signal.name()), Some(&(signal as u32)));
    }
    let levels = section("## Levels");
    check!(levels, level: RESOURCE SCOPE METRIC);
    assert_eq!((levels["item"], levels["exemplar"]), (level::ITEM.into(), level::EXEMPLAR.into()));
    let contract = include_str!("../../../wit/types.wit");
    assert!(contract.contains(&format!("{} span event   {} span link", level::EVENT, level::LINK)));
}

#[test]
fn fields_are_those_of_the_contract() {
    let rows = section("## Fields");
    check!(rows, field: ELEMENT ATTRIBUTE SCHEMA_URL NAME VERSION DESCRIPTION UNIT STATUS_MESSAGE TRACE_STATE
        BODY SEVERITY_TEXT EVENT_NAME TRACE_ID SPAN_ID PARENT_SPAN_ID KIND STATUS_CODE FLAGS START_TIME END_TIME
        TIME OBSERVED_TIME SEVERITY_NUMBER DROPPED_ATTRIBUTES DROPPED_EVENTS DROPPED_LINKS VALUE COUNT SUM MIN MAX
        BUCKET_COUNTS EXPLICIT_BOUNDS SCALE ZERO_COUNT ZERO_THRESHOLD POSITIVE_OFFSET POSITIVE_COUNTS
        NEGATIVE_OFFSET NEGATIVE_COUNTS QUANTILES QUANTILE_VALUES TEMPORALITY MONOTONIC DATA_TYPE);
    let last = rows.values().max();
    assert_eq!(last, Some(&(field::CODES as u32 - 1)));
}

#[test]
fn kinds_and_operations_are_those_of_the_contract() {
    let kinds = section("## Kinds");
    check!(kinds, kind: STRING BOOL INT DOUBLE BYTES ARRAY MAP EMPTY UINTS DOUBLES ENCODED OPAQUE);
    let contract = include_str!("../../../wit/types.wit");
    let rows = [
        ("drop", op::DROP),
        ("replace", op::REPLACE),
        ("remove", op::REMOVE),
        ("set", op::SET),
        ("insert", op::INSERT),
        ("unset", op::UNSET),
        ("rename", op::RENAME),
        ("name", op::NAME),
    ];
    for (name, code) in rows {
        assert!(contract.contains(&format!("///     {code} {name} ")), "{name}");
    }
}
