//! The numbers of the plugin contract: signals, levels, fields, kinds and edit operations.
//!
//! Source: `wit/types.wit`. The meaning of each is written there; a test in `tests/` compares the two.

/// An OTLP signal. The discriminant is the code that plugins see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Signal {
    /// Spans.
    Traces = 1,
    /// Data points.
    Metrics = 2,
    /// Log records.
    Logs = 3,
    /// Profiles, which pass through untouched and are never shown to plugins.
    Profiles = 4,
}

impl Signal {
    /// Every signal.
    pub const ALL: [Signal; 4] = [Signal::Traces, Signal::Metrics, Signal::Logs, Signal::Profiles];

    /// The bit of this signal in a mask.
    pub const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// `traces`, `metrics`, `logs`, `profiles`: as pipelines are named.
    pub const fn name(self) -> &'static str {
        match self {
            Signal::Traces => "traces",
            Signal::Metrics => "metrics",
            Signal::Logs => "logs",
            Signal::Profiles => "profiles",
        }
    }

    /// `spans`, `metric_points`, `log_records`, `samples`: as the Collector's metrics name the items.
    pub const fn items_name(self) -> &'static str {
        match self {
            Signal::Traces => "spans",
            Signal::Metrics => "metric_points",
            Signal::Logs => "log_records",
            Signal::Profiles => "samples",
        }
    }
}

/// What an entity of the tape is.
pub mod level {
    /// `ResourceSpans`, `ResourceMetrics` or `ResourceLogs`, with its resource.
    pub const RESOURCE: u8 = 1;
    /// `ScopeSpans`, `ScopeMetrics` or `ScopeLogs`, with its scope.
    pub const SCOPE: u8 = 2;
    /// A metric; its attributes are the metric's `metadata`.
    pub const METRIC: u8 = 3;
    /// A span, log record or data point.
    pub const ITEM: u8 = 4;
    /// A span event.
    pub const EVENT: u8 = 5;
    /// A span link.
    pub const LINK: u8 = 6;
    /// An exemplar.
    pub const EXEMPLAR: u8 = 7;
    /// One more than the highest level.
    pub const COUNT: usize = 8;
    /// The mask of all levels.
    pub const ALL: u32 = 0b1111_1110;
}

/// What a cell is. Numbers from [`field::NAMED`] on name an attribute key.
#[allow(missing_docs, reason = "each is described in wit/types.wit")]
pub mod field {
    pub const ELEMENT: u32 = 1;
    pub const ATTRIBUTE: u32 = 2;
    pub const SCHEMA_URL: u32 = 16;
    pub const NAME: u32 = 17;
    pub const VERSION: u32 = 18;
    pub const DESCRIPTION: u32 = 19;
    pub const UNIT: u32 = 20;
    pub const STATUS_MESSAGE: u32 = 21;
    pub const TRACE_STATE: u32 = 22;
    pub const BODY: u32 = 23;
    pub const SEVERITY_TEXT: u32 = 24;
    pub const EVENT_NAME: u32 = 25;
    pub const TRACE_ID: u32 = 26;
    pub const SPAN_ID: u32 = 27;
    pub const PARENT_SPAN_ID: u32 = 28;
    pub const KIND: u32 = 29;
    pub const STATUS_CODE: u32 = 30;
    pub const FLAGS: u32 = 31;
    pub const START_TIME: u32 = 32;
    pub const END_TIME: u32 = 33;
    pub const TIME: u32 = 34;
    pub const OBSERVED_TIME: u32 = 35;
    pub const SEVERITY_NUMBER: u32 = 36;
    pub const DROPPED_ATTRIBUTES: u32 = 37;
    pub const DROPPED_EVENTS: u32 = 38;
    pub const DROPPED_LINKS: u32 = 39;
    pub const VALUE: u32 = 40;
    pub const COUNT: u32 = 41;
    pub const SUM: u32 = 42;
    pub const MIN: u32 = 43;
    pub const MAX: u32 = 44;
    pub const BUCKET_COUNTS: u32 = 45;
    pub const EXPLICIT_BOUNDS: u32 = 46;
    pub const SCALE: u32 = 47;
    pub const ZERO_COUNT: u32 = 48;
    pub const ZERO_THRESHOLD: u32 = 49;
    pub const POSITIVE_OFFSET: u32 = 50;
    pub const POSITIVE_COUNTS: u32 = 51;
    pub const NEGATIVE_OFFSET: u32 = 52;
    pub const NEGATIVE_COUNTS: u32 = 53;
    pub const QUANTILES: u32 = 54;
    pub const QUANTILE_VALUES: u32 = 55;
    pub const TEMPORALITY: u32 = 56;
    pub const MONOTONIC: u32 = 57;
    pub const DATA_TYPE: u32 = 58;
    /// One more than the highest code above.
    pub const CODES: usize = 59;
    /// From here on a field names an attribute key.
    pub const NAMED: u32 = 256;
    /// From here on a field of an edit names a key that the edits define themselves.
    pub const DEFINED: u32 = 0x8000_0000;

    /// The name of one of OTLP's own fields, as the contract writes it.
    pub const fn name(code: u32) -> &'static str {
        match code {
            SCHEMA_URL => "schema_url",
            NAME => "name",
            VERSION => "version",
            DESCRIPTION => "description",
            UNIT => "unit",
            STATUS_MESSAGE => "status_message",
            TRACE_STATE => "trace_state",
            BODY => "body",
            SEVERITY_TEXT => "severity_text",
            EVENT_NAME => "event_name",
            TRACE_ID => "trace_id",
            SPAN_ID => "span_id",
            PARENT_SPAN_ID => "parent_span_id",
            KIND => "kind",
            STATUS_CODE => "status_code",
            FLAGS => "flags",
            START_TIME => "start_time",
            END_TIME => "end_time",
            TIME => "time",
            OBSERVED_TIME => "observed_time",
            SEVERITY_NUMBER => "severity_number",
            DROPPED_ATTRIBUTES => "dropped_attributes",
            DROPPED_EVENTS => "dropped_events",
            DROPPED_LINKS => "dropped_links",
            VALUE => "value",
            COUNT => "count",
            SUM => "sum",
            MIN => "min",
            MAX => "max",
            BUCKET_COUNTS => "bucket_counts",
            EXPLICIT_BOUNDS => "explicit_bounds",
            SCALE => "scale",
            ZERO_COUNT => "zero_count",
            ZERO_THRESHOLD => "zero_threshold",
            POSITIVE_OFFSET => "positive_offset",
            POSITIVE_COUNTS => "positive_counts",
            NEGATIVE_OFFSET => "negative_offset",
            NEGATIVE_COUNTS => "negative_counts",
            QUANTILES => "quantiles",
            QUANTILE_VALUES => "quantile_values",
            TEMPORALITY => "temporality",
            MONOTONIC => "monotonic",
            DATA_TYPE => "data_type",
            _ => "unknown",
        }
    }
}

/// What a cell's value is.
#[allow(missing_docs, reason = "each is described in wit/types.wit")]
pub mod kind {
    pub const NONE: u8 = 0;
    pub const STRING: u8 = 1;
    pub const BOOL: u8 = 2;
    pub const INT: u8 = 3;
    pub const DOUBLE: u8 = 4;
    pub const BYTES: u8 = 5;
    pub const ARRAY: u8 = 6;
    pub const MAP: u8 = 7;
    pub const EMPTY: u8 = 8;
    pub const UINTS: u8 = 9;
    pub const DOUBLES: u8 = 10;
    pub const ENCODED: u8 = 11;
    pub const OPAQUE: u8 = 12;
}

/// What an edit does.
#[allow(missing_docs, reason = "each is described in wit/types.wit")]
pub mod op {
    pub const DROP: u8 = 1;
    pub const REPLACE: u8 = 2;
    pub const REMOVE: u8 = 3;
    pub const SET: u8 = 4;
    pub const INSERT: u8 = 5;
    pub const UNSET: u8 = 6;
    pub const RENAME: u8 = 7;
    pub const NAME: u8 = 8;
}
