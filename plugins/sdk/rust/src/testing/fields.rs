//! Which fields exist: their names, the kind of their values, and where they stand. From `wit/types.wit`.

use crate::codes::{Field, Kind, Level, Signal};

/// One of OTLP's own fields.
pub(super) struct Known {
    pub name: &'static str,
    pub field: Field,
    /// The kind of its value; none if there is a choice.
    pub kind: Option<Kind>,
    /// Where it stands: signal and level.
    at: &'static [(Signal, Level)],
    pub is_writable: bool,
}

const RESOURCE: [(Signal, Level); 3] = everywhere(Level::RESOURCE);
const SCOPE: [(Signal, Level); 3] = everywhere(Level::SCOPE);
const METRIC: (Signal, Level) = (Signal::METRICS, Level::METRIC);
const POINT: (Signal, Level) = (Signal::METRICS, Level::ITEM);
const SPAN: (Signal, Level) = (Signal::TRACES, Level::ITEM);
const RECORD: (Signal, Level) = (Signal::LOGS, Level::ITEM);
const EVENT: (Signal, Level) = (Signal::TRACES, Level::EVENT);
const LINK: (Signal, Level) = (Signal::TRACES, Level::LINK);
const EXEMPLAR: (Signal, Level) = (Signal::METRICS, Level::EXEMPLAR);

const SCHEMAS: &[(Signal, Level)] = &[RESOURCE[0], RESOURCE[1], RESOURCE[2], SCOPE[0], SCOPE[1], SCOPE[2]];
const NAMES: &[(Signal, Level)] = &[SCOPE[0], SCOPE[1], SCOPE[2], METRIC, SPAN, EVENT];
const COUNTED: &[(Signal, Level)] =
    &[RESOURCE[0], RESOURCE[1], RESOURCE[2], SCOPE[0], SCOPE[1], SCOPE[2], SPAN, EVENT, LINK, RECORD];

pub(super) const KNOWN: &[Known] = &[
    known("schema_url", Field::SCHEMA_URL, Kind::STRING, SCHEMAS),
    known("name", Field::NAME, Kind::STRING, NAMES),
    known("version", Field::VERSION, Kind::STRING, &SCOPE),
    known("description", Field::DESCRIPTION, Kind::STRING, &[METRIC]),
    known("unit", Field::UNIT, Kind::STRING, &[METRIC]),
    known("status_message", Field::STATUS_MESSAGE, Kind::STRING, &[SPAN]),
    known("trace_state", Field::TRACE_STATE, Kind::STRING, &[SPAN, LINK]),
    any_kind("body", Field::BODY, &[RECORD]),
    known("severity_text", Field::SEVERITY_TEXT, Kind::STRING, &[RECORD]),
    known("event_name", Field::EVENT_NAME, Kind::STRING, &[RECORD]),
    known("trace_id", Field::TRACE_ID, Kind::BYTES, &[SPAN, RECORD, LINK, EXEMPLAR]),
    known("span_id", Field::SPAN_ID, Kind::BYTES, &[SPAN, RECORD, LINK, EXEMPLAR]),
    known("parent_span_id", Field::PARENT_SPAN_ID, Kind::BYTES, &[SPAN]),
    known("kind", Field::KIND, Kind::INT, &[SPAN]),
    known("status_code", Field::STATUS_CODE, Kind::INT, &[SPAN]),
    known("flags", Field::FLAGS, Kind::INT, &[SPAN, LINK, RECORD, POINT]),
    known("start_time", Field::START_TIME, Kind::INT, &[SPAN, POINT]),
    known("end_time", Field::END_TIME, Kind::INT, &[SPAN]),
    known("time", Field::TIME, Kind::INT, &[RECORD, EVENT, POINT, EXEMPLAR]),
    known("observed_time", Field::OBSERVED_TIME, Kind::INT, &[RECORD]),
    known("severity_number", Field::SEVERITY_NUMBER, Kind::INT, &[RECORD]),
    known("dropped_attributes", Field::DROPPED_ATTRIBUTES, Kind::INT, COUNTED),
    known("dropped_events", Field::DROPPED_EVENTS, Kind::INT, &[SPAN]),
    known("dropped_links", Field::DROPPED_LINKS, Kind::INT, &[SPAN]),
    any_kind("value", Field::VALUE, &[POINT, EXEMPLAR]),
    known("count", Field::COUNT, Kind::INT, &[POINT]),
    known("sum", Field::SUM, Kind::DOUBLE, &[POINT]),
    known("min", Field::MIN, Kind::DOUBLE, &[POINT]),
    known("max", Field::MAX, Kind::DOUBLE, &[POINT]),
    read_only("bucket_counts", Field::BUCKET_COUNTS, Kind::UINTS, &[POINT]),
    read_only("explicit_bounds", Field::EXPLICIT_BOUNDS, Kind::DOUBLES, &[POINT]),
    read_only("scale", Field::SCALE, Kind::INT, &[POINT]),
    read_only("zero_count", Field::ZERO_COUNT, Kind::INT, &[POINT]),
    read_only("zero_threshold", Field::ZERO_THRESHOLD, Kind::DOUBLE, &[POINT]),
    read_only("positive_offset", Field::POSITIVE_OFFSET, Kind::INT, &[POINT]),
    read_only("positive_counts", Field::POSITIVE_COUNTS, Kind::UINTS, &[POINT]),
    read_only("negative_offset", Field::NEGATIVE_OFFSET, Kind::INT, &[POINT]),
    read_only("negative_counts", Field::NEGATIVE_COUNTS, Kind::UINTS, &[POINT]),
    read_only("quantiles", Field::QUANTILES, Kind::DOUBLES, &[POINT]),
    read_only("quantile_values", Field::QUANTILE_VALUES, Kind::DOUBLES, &[POINT]),
    read_only("temporality", Field::TEMPORALITY, Kind::INT, &[METRIC]),
    read_only("monotonic", Field::MONOTONIC, Kind::BOOL, &[METRIC]),
    read_only("data_type", Field::DATA_TYPE, Kind::INT, &[METRIC]),
];

impl Known {
    pub(super) fn of(field: Field) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.field == field)
    }

    pub(super) fn named(name: &str) -> Option<&'static Known> {
        KNOWN.iter().find(|known| known.name == name)
    }

    pub(super) fn stands_at(&self, signal: Signal, level: Level) -> bool {
        self.at.contains(&(signal, level))
    }

    /// Whether an edit may give it a value of the kind.
    pub(super) fn takes(&self, kind: Kind) -> bool {
        match self.kind {
            Some(own) => own == kind,
            None if self.field == Field::VALUE => matches!(kind, Kind::INT | Kind::DOUBLE),
            None => true,
        }
    }
}

const fn everywhere(level: Level) -> [(Signal, Level); 3] {
    [(Signal::TRACES, level), (Signal::METRICS, level), (Signal::LOGS, level)]
}

const fn known(name: &'static str, field: Field, kind: Kind, at: &'static [(Signal, Level)]) -> Known {
    Known { name, field, kind: Some(kind), at, is_writable: true }
}

const fn any_kind(name: &'static str, field: Field, at: &'static [(Signal, Level)]) -> Known {
    Known { name, field, kind: None, at, is_writable: true }
}

const fn read_only(name: &'static str, field: Field, kind: Kind, at: &'static [(Signal, Level)]) -> Known {
    Known { name, field, kind: Some(kind), at, is_writable: false }
}
