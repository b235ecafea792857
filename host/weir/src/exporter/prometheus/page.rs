//! The page that Prometheus scrapes: a look at the store, written in the format that was asked for.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Instant;

use super::escape::Escaping;
use super::labels::labels;
use super::negotiate::{Accepted, Format};
use super::openmetrics::OpenMetrics;
use super::protobuf;
use super::store::Store;
use super::text;

/// A label as it is written.
pub(super) type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// How a page is written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writing {
    pub(super) escaping: Escaping,
    pub(super) send_timestamps: bool,
}

/// Writes all series.
pub(super) fn write(store: &mut Store, accepted: Accepted, send_timestamps: bool, now: Instant) -> Vec<u8> {
    let writing = Writing { escaping: accepted.escaping, send_timestamps };
    let mut out = Vec::new();
    // Names that were different may have become the same: then the first one has its place.
    let mut names = BTreeSet::new();
    let mut open_metrics = OpenMetrics::default();
    for (name, family) in store.families(now) {
        let name = writing.escaping.apply(name);
        if writing.escaping != Escaping::AllowUtf8 && !names.insert(name.clone().into_owned()) {
            continue;
        }
        match accepted.format {
            Format::Text => text::put_family(&mut out, &name, family, writing),
            Format::OpenMetrics => open_metrics.put_family(&mut out, &name, family, writing),
            Format::Protobuf => protobuf::put_family(&mut out, &name, family, writing),
        }
    }
    if accepted.format == Format::OpenMetrics {
        out.extend_from_slice(b"# EOF\n");
    }
    out
}

impl Writing {
    /// The labels of a series. Values under names that have become the same are joined.
    pub(super) fn labels(self, key: &[u8]) -> Vec<Label<'_>> {
        let mut written: Vec<Label<'_>> =
            labels(key).map(|(name, value)| (self.label(name), Cow::Borrowed(value))).collect();
        if written.iter().any(|(name, _)| matches!(name, Cow::Owned(_))) {
            written.sort_by(|(one, _), (other, _)| one.cmp(other));
            written.dedup_by(|(name, value), (kept, joined)| {
                let is_same = name == kept;
                if is_same {
                    *joined = format!("{joined};{value}").into();
                }
                is_same
            });
        }
        written
    }

    fn label(self, name: &str) -> Cow<'_, str> {
        let escaped = self.escaping.apply(name);
        match self.escaping {
            Escaping::AllowUtf8 => escaped,
            // Metrics may have colons in their names, and labels may not.
            _ if escaped.contains(':') => escaped.replace(':', "_").into(),
            _ => escaped,
        }
    }
}
