//! A push, read in either of its encodings, and the rules for what is in it.

use std::collections::BTreeMap;
use std::io::Read;
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;
use prost::Message;
use serde::Deserialize;

use super::labels;

/// Loki's default for the longest line.
const LINE_BYTES_MAX: usize = 256 << 10;

/// Loki takes nothing that is older than a week, or newer than in ten minutes.
const AGE_MAX_NANOS: i64 = 7 * 24 * 3600 * 1_000_000_000;
const GRACE_NANOS: i64 = 600 * 1_000_000_000;

/// One stream of a push.
#[derive(Clone, Debug)]
pub struct PushedStream {
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its entries, in the order in which they were pushed.
    pub entries: Vec<PushedEntry>,
}

/// One log.
#[derive(Clone, Debug)]
pub struct PushedEntry {
    /// In unix nanoseconds.
    pub time: i64,
    /// Its text.
    pub line: String,
    /// Its structured metadata.
    pub metadata: BTreeMap<String, String>,
}

impl PushedEntry {
    /// The line as JSON. Panics if it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.line).expect("a line of JSON")
    }
}

#[derive(Clone, PartialEq, Message)]
struct PushRequest {
    #[prost(message, repeated, tag = "1")]
    streams: Vec<Stream>,
}

#[derive(Clone, PartialEq, Message)]
struct Stream {
    #[prost(string, tag = "1")]
    labels: String,
    #[prost(message, repeated, tag = "2")]
    entries: Vec<Entry>,
}

#[derive(Clone, PartialEq, Message)]
struct Entry {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(string, tag = "2")]
    line: String,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Pair>,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Timestamp {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Pair {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonPush {
    streams: Vec<JsonStream>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonStream {
    stream: BTreeMap<String, String>,
    values: Vec<JsonEntry>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum JsonEntry {
    Bare(String, String),
    WithMetadata(String, String, BTreeMap<String, String>),
}

/// Reads a push and checks it. The error says what is wrong.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<PushedStream>, String> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut plain = Vec::new();
    let body = match header("content-encoding") {
        "" | "snappy" => body,
        "gzip" => {
            let read = flate2::read::GzDecoder::new(body).read_to_end(&mut plain);
            read.map_err(|error| format!("no gzip: {error}"))?;
            &plain
        }
        other => return Err(format!("the encoding {other:?} is not supported")),
    };
    let streams = match header("content-type") {
        "application/x-protobuf" => protobuf(body)?,
        "application/json" => json(body)?,
        other => return Err(format!("the type {other:?} is not supported")),
    };
    if streams.is_empty() {
        return Err("no stream".to_owned());
    }
    streams.iter().try_for_each(check)?;
    Ok(streams)
}

fn protobuf(body: &[u8]) -> Result<Vec<PushedStream>, String> {
    let plain =
        snap::raw::Decoder::new().decompress_vec(body).map_err(|error| format!("no snappy: {error}"))?;
    let push = PushRequest::decode(&*plain).map_err(|error| format!("no push: {error}"))?;
    let entry = |entry: Entry| {
        let timestamp = entry.timestamp.ok_or("an entry without a time")?;
        if !(0..1_000_000_000).contains(&timestamp.nanos) {
            return Err("a second of too many nanoseconds".to_owned());
        }
        let seconds = timestamp.seconds.checked_mul(1_000_000_000).ok_or("a time beyond measure")?;
        let count = entry.metadata.len();
        let metadata: BTreeMap<_, _> =
            entry.metadata.into_iter().map(|pair| (pair.name, pair.value)).collect();
        if metadata.len() != count {
            return Err("metadata that is there twice".to_owned());
        }
        Ok(PushedEntry { time: seconds + i64::from(timestamp.nanos), line: entry.line, metadata })
    };
    let stream = |stream: Stream| {
        let entries = stream.entries.into_iter().map(entry).collect::<Result<_, String>>()?;
        Ok(PushedStream { labels: labels::parse(&stream.labels)?, entries })
    };
    push.streams.into_iter().map(stream).collect()
}

fn json(body: &[u8]) -> Result<Vec<PushedStream>, String> {
    let push: JsonPush = serde_json::from_slice(body).map_err(|error| format!("no push: {error}"))?;
    let entry = |entry: JsonEntry| {
        let (time, line, metadata) = match entry {
            JsonEntry::Bare(time, line) => (time, line, BTreeMap::new()),
            JsonEntry::WithMetadata(time, line, metadata) => (time, line, metadata),
        };
        let time = time.parse().map_err(|_| format!("the time {time:?}"))?;
        Ok(PushedEntry { time, line, metadata })
    };
    let stream = |stream: JsonStream| {
        labels::check(&stream.stream)?;
        let entries = stream.values.into_iter().map(entry).collect::<Result<_, String>>()?;
        Ok(PushedStream { labels: stream.stream, entries })
    };
    push.streams.into_iter().map(stream).collect()
}

fn check(stream: &PushedStream) -> Result<(), String> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970");
    let now = i64::try_from(since_epoch.as_nanos()).expect("a clock before 2262");
    if stream.entries.is_empty() {
        return Err("a stream without entries".to_owned());
    }
    if !stream.entries.iter().map(|entry| entry.time).is_sorted() {
        return Err("entries that are not in the order of their times".to_owned());
    }
    for PushedEntry { time, line, .. } in &stream.entries {
        if *time < now - AGE_MAX_NANOS || *time > now + GRACE_NANOS {
            return Err(format!("the time {time} is too old or too new"));
        }
        if line.len() > LINE_BYTES_MAX {
            return Err(format!("a line of {} bytes", line.len()));
        }
    }
    Ok(())
}
