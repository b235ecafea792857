//! A request of remote write 1.0, read, and the rules for what is in it.

use std::collections::{BTreeMap, BTreeSet};

use http::HeaderMap;
use prost::Message;

/// One series of a request.
#[derive(Clone, Debug)]
pub struct WrittenSeries {
    /// Its labels, with its name as `__name__`.
    pub labels: BTreeMap<String, String>,
    /// Its samples, in the order in which they were written.
    pub samples: Vec<WrittenSample>,
    /// The values of its exemplars.
    pub exemplars: Vec<f64>,
}

/// One sample.
#[derive(Clone, Copy, Debug)]
pub struct WrittenSample {
    /// In unix milliseconds.
    pub time_ms: i64,
    /// `None` for a native histogram.
    pub value: Option<f64>,
}

impl WrittenSeries {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.labels["__name__"]
    }
}

#[derive(Clone, PartialEq, Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
    #[prost(message, repeated, tag = "3")]
    metadata: Vec<Metadata>,
}

#[derive(Clone, PartialEq, Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
    #[prost(message, repeated, tag = "3")]
    exemplars: Vec<Exemplar>,
    #[prost(message, repeated, tag = "4")]
    histograms: Vec<Histogram>,
}

#[derive(Clone, PartialEq, Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Exemplar {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(double, tag = "2")]
    value: f64,
}

/// The rest of it is for the real Prometheus to judge.
#[derive(Clone, Copy, PartialEq, Message)]
struct Histogram {
    #[prost(int64, tag = "15")]
    timestamp: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Metadata {
    #[prost(string, tag = "2")]
    name: String,
}

/// Reads a request and checks it; with its size. The error says what is wrong.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<(Vec<WrittenSeries>, usize), String> {
    for (name, expected) in [
        ("content-encoding", "snappy"),
        ("content-type", "application/x-protobuf"),
        ("x-prometheus-remote-write-version", "0.1.0"),
    ] {
        let values: Vec<_> = headers.get_all(name).iter().collect();
        if values != [expected] {
            return Err(format!("the header {name} is {values:?}"));
        }
    }
    if !headers.contains_key("user-agent") {
        return Err("no user agent".to_owned());
    }
    let plain =
        snap::raw::Decoder::new().decompress_vec(body).map_err(|error| format!("no snappy: {error}"))?;
    let request = WriteRequest::decode(&*plain).map_err(|error| format!("no request: {error}"))?;
    if request.timeseries.is_empty() && request.metadata.is_empty() {
        return Err("nothing is written".to_owned());
    }
    let series = request.timeseries.into_iter().map(series).collect::<Result<Vec<_>, String>>()?;
    let names: BTreeSet<_> = series.iter().map(|series| format!("{:?}", series.labels)).collect();
    if names.len() != series.len() {
        return Err("a series that is there twice".to_owned());
    }
    Ok((series, plain.len()))
}

fn series(series: TimeSeries) -> Result<WrittenSeries, String> {
    let TimeSeries { labels, samples, exemplars, histograms } = series;
    let wrong = |what: &str| Err(format!("{what}: {labels:?}"));
    if !labels.is_sorted_by(|a, b| a.name < b.name) {
        return wrong("labels that are not in order, or there twice");
    }
    let is_letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_name = |name: &str| {
        !name.is_empty() && !name.starts_with(|c: char| c.is_ascii_digit()) && name.chars().all(is_letter)
    };
    if labels.iter().any(|label| !is_name(&label.name) || label.value.is_empty()) {
        return wrong("a label without a name or a value");
    }
    let name = labels.iter().find(|label| label.name == "__name__");
    if !name.is_some_and(|label| is_name(&label.value.replace(':', "_"))) {
        return wrong("no name");
    }
    let floats = samples.iter().map(|one| WrittenSample { time_ms: one.timestamp, value: Some(one.value) });
    let native = histograms.iter().map(|one| WrittenSample { time_ms: one.timestamp, value: None });
    let samples: Vec<_> = floats.chain(native).collect();
    if samples.is_empty() || !samples.is_sorted_by(|a, b| a.time_ms < b.time_ms) {
        return wrong("samples that are not in the order of their times");
    }
    if exemplars.iter().any(|exemplar| exemplar.labels.is_empty()) {
        return wrong("an exemplar without labels");
    }
    let exemplars = exemplars.into_iter().map(|exemplar| exemplar.value).collect();
    let labels = labels.into_iter().map(|label| (label.name, label.value)).collect();
    Ok(WrittenSeries { labels, samples, exemplars })
}
