//! What is pushed: entries gathered into streams, a push a tenant, the entries of a stream in the order of their times.

use std::collections::HashMap;
use std::io::Write;

use weir_otlp::read::put_json_text;
use weir_pipeline::Charge;

use super::line::Ids;
use super::refused::Refused;
use super::{PUSH_BYTES_MAX, PushEncoding};

/// Each tenant is a request of its own, so that there must not be any number of them.
const TENANTS_MAX: usize = 100;

/// The charge grows in steps of this, so that the budget is not asked for each log.
const CHARGE_STEP_BYTES: usize = 256 << 10;

/// The names of what is structured metadata, as Loki's own OTLP endpoint has them.
const TRACE_ID: &str = "trace_id";
const SPAN_ID: &str = "span_id";

/// One request to Loki.
#[derive(Debug)]
pub(super) struct Push {
    /// Whose logs they are; empty if no hint says so.
    pub tenant: String,
    /// The encoded request, compressed as far as that is a part of the encoding.
    pub body: Vec<u8>,
    /// Logs in it.
    pub items: u64,
}

/// Entries by tenant and stream, encoded already.
pub(super) struct Gathering<'c> {
    encoding: PushEncoding,
    tenants: Vec<Tenant>,
    /// Entries, one behind the other.
    entries: Vec<u8>,
    /// What everything here takes.
    bytes: usize,
    charge: &'c Charge,
    charged: usize,
}

#[derive(Default)]
struct Tenant {
    name: String,
    /// Places in `streams`, by the labels as they stand in the push.
    by_labels: HashMap<Box<[u8]>, usize>,
    streams: Vec<Stream>,
}

#[derive(Default)]
struct Stream {
    labels: Box<[u8]>,
    entries: Vec<Entry>,
}

/// Where an entry stands among the entries.
struct Entry {
    time_unix_nano: u64,
    start: u32,
    end: u32,
}

impl<'c> Gathering<'c> {
    /// Nothing yet. What it takes is charged as it grows.
    pub(super) fn new(encoding: PushEncoding, charge: &'c Charge) -> Self {
        Gathering { encoding, tenants: Vec::new(), entries: Vec::new(), bytes: 0, charge, charged: 0 }
    }

    /// Adds a line. The labels are as they stand in the push.
    pub(super) fn add(
        &mut self,
        tenant: &str,
        labels: &[u8],
        time_unix_nano: u64,
        line: &[u8],
        metadata: Option<Ids>,
    ) -> Result<(), Refused> {
        let start = self.entries.len();
        match self.encoding {
            PushEncoding::Proto => proto::put_entry(&mut self.entries, time_unix_nano, line, metadata),
            PushEncoding::Json => put_json_entry(&mut self.entries, time_unix_nano, line, metadata),
        }
        let end = self.entries.len();
        let (stream, is_new) = Self::stream(&mut self.tenants, tenant, labels)?;
        let place = |at: usize| u32::try_from(at).map_err(|_| Refused::TooLarge);
        stream.entries.push(Entry { time_unix_nano, start: place(start)?, end: place(end)? });
        self.bytes += end - start + size_of::<Entry>();
        if is_new {
            self.bytes += 2 * labels.len() + size_of::<Stream>();
        }
        if self.bytes > PUSH_BYTES_MAX {
            return Err(Refused::TooLarge);
        }
        if self.bytes >= self.charged {
            self.charged = self.bytes + CHARGE_STEP_BYTES;
            // The entries, the request that is made of them, and the same compressed.
            self.charge.set(3 * self.charged as u64);
        }
        Ok(())
    }

    fn stream<'t>(
        tenants: &'t mut Vec<Tenant>,
        name: &str,
        labels: &[u8],
    ) -> Result<(&'t mut Stream, bool), Refused> {
        let at = match tenants.iter().position(|tenant| tenant.name == name) {
            Some(at) => at,
            None if tenants.len() == TENANTS_MAX => return Err(Refused::TooManyTenants),
            None => {
                tenants.push(Tenant { name: name.to_owned(), ..Tenant::default() });
                tenants.len() - 1
            }
        };
        let Tenant { by_labels, streams, .. } = &mut tenants[at];
        let found = by_labels.get(labels).copied();
        let place = found.unwrap_or_else(|| {
            by_labels.insert(labels.into(), streams.len());
            streams.push(Stream { labels: labels.into(), entries: Vec::new() });
            streams.len() - 1
        });
        Ok((&mut streams[place], found.is_none()))
    }

    /// The requests, in the order in which the tenants came.
    pub(super) fn finish(self) -> Result<Vec<Push>, Refused> {
        let Gathering { encoding, tenants, entries, charge, .. } = self;
        let mut pushes = Vec::with_capacity(tenants.len());
        for Tenant { name, mut streams, .. } in tenants {
            let mut items = 0;
            for stream in &mut streams {
                // Loki takes entries that are out of order for a while; what is in order is cheaper for it. Stable, so that what was
                // logged first stays first.
                stream.entries.sort_by_key(|entry| entry.time_unix_nano);
                items += stream.entries.len() as u64;
            }
            let body = match encoding {
                PushEncoding::Proto => {
                    let request = proto::request(&streams, &entries);
                    snap::raw::Encoder::new().compress_vec(&request).map_err(|_| Refused::TooLarge)?
                }
                PushEncoding::Json => json_request(&streams, &entries),
            };
            pushes.push(Push { tenant: name, body, items });
        }
        // A request in JSON may be compressed once more.
        charge.set(2 * pushes.iter().map(|push| push.body.len() as u64).sum::<u64>());
        Ok(pushes)
    }
}

impl Stream {
    /// Its entries, encoded, in order.
    fn encoded<'e>(&self, entries: &'e [u8]) -> impl Iterator<Item = &'e [u8]> {
        self.entries
            .iter()
            .map(|entry| entries.get(entry.start as usize..entry.end as usize).unwrap_or_default())
    }
}

/// `["<nanoseconds>", "<line>", {"trace_id": "..."}]`
fn put_json_entry(out: &mut Vec<u8>, time_unix_nano: u64, line: &[u8], metadata: Option<Ids>) {
    // Writing to memory does not fail.
    let _ = write!(out, "[\"{time_unix_nano}\",");
    put_json_text(out, std::str::from_utf8(line).unwrap_or_default());
    if let Some(ids) = metadata {
        out.push(b',');
        let start = out.len();
        for (name, digits) in ids.named_as(TRACE_ID, SPAN_ID) {
            out.push(if out.len() == start { b'{' } else { b',' });
            let digits = std::str::from_utf8(digits).unwrap_or_default();
            let _ = write!(out, "\"{name}\":\"{digits}\"");
        }
        out.push(b'}');
    }
    out.push(b']');
}

fn json_request(streams: &[Stream], entries: &[u8]) -> Vec<u8> {
    let mut out = b"{\"streams\":[".to_vec();
    for (at, stream) in streams.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"stream\":");
        out.extend_from_slice(&stream.labels);
        out.extend_from_slice(b",\"values\":[");
        for (at, entry) in stream.encoded(entries).enumerate() {
            if at > 0 {
                out.push(b',');
            }
            out.extend_from_slice(entry);
        }
        out.extend_from_slice(b"]}");
    }
    out.extend_from_slice(b"]}");
    out
}

/// Loki's `push.proto`.
mod proto {
    use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

    use super::{Ids, SPAN_ID, Stream, TRACE_ID};

    const NANOS_PER_SECOND: u64 = 1_000_000_000;

    /// `PushRequest.streams`, `StreamAdapter.labels` and `.entries`, `EntryAdapter.timestamp`, `.line` and `.structuredMetadata`.
    const STREAMS: u32 = 1;
    const LABELS: u32 = 1;
    const ENTRIES: u32 = 2;
    const TIMESTAMP: u32 = 1;
    const LINE: u32 = 2;
    const METADATA: u32 = 3;

    /// An entry, as a field of its stream.
    pub(super) fn put_entry(out: &mut Vec<u8>, time_unix_nano: u64, line: &[u8], metadata: Option<Ids>) {
        let mut timestamp = [0; 24];
        let timestamp = put_timestamp(&mut timestamp, time_unix_nano);
        let pair_len = |name: &str, digits: &[u8]| field_len(name.len()) + field_len(digits.len());
        let named = || metadata.iter().flat_map(|ids| ids.named_as(TRACE_ID, SPAN_ID));
        let metadata_len: usize = named().map(|(name, digits)| field_len(pair_len(name, digits))).sum();
        put_head(out, ENTRIES, field_len(timestamp.len()) + field_len(line.len()) + metadata_len);
        put(out, TIMESTAMP, timestamp);
        put(out, LINE, line);
        for (name, digits) in named() {
            put_head(out, METADATA, pair_len(name, digits));
            put(out, 1, name.as_bytes());
            put(out, 2, digits);
        }
    }

    /// `google.protobuf.Timestamp`
    fn put_timestamp(buffer: &mut [u8; 24], time_unix_nano: u64) -> &[u8] {
        let len = {
            let mut rest = &mut buffer[..];
            encode_key(1, WireType::Varint, &mut rest);
            encode_varint(time_unix_nano / NANOS_PER_SECOND, &mut rest);
            encode_key(2, WireType::Varint, &mut rest);
            encode_varint(time_unix_nano % NANOS_PER_SECOND, &mut rest);
            24 - rest.len()
        };
        buffer.get(..len).unwrap_or_default()
    }

    pub(super) fn request(streams: &[Stream], entries: &[u8]) -> Vec<u8> {
        let len = |stream: &Stream| {
            let entries: usize = stream.encoded(entries).map(<[u8]>::len).sum();
            field_len(stream.labels.len()) + entries
        };
        let mut out = Vec::with_capacity(streams.iter().map(|stream| field_len(len(stream))).sum());
        for stream in streams {
            put_head(&mut out, STREAMS, len(stream));
            put(&mut out, LABELS, &stream.labels);
            stream.encoded(entries).for_each(|entry| out.extend_from_slice(entry));
        }
        out
    }

    /// What a field of so many bytes takes; its number is below sixteen.
    fn field_len(len: usize) -> usize {
        1 + encoded_len_varint(len as u64) + len
    }

    fn put_head(out: &mut Vec<u8>, number: u32, len: usize) {
        encode_key(number, WireType::LengthDelimited, out);
        encode_varint(len as u64, out);
    }

    fn put(out: &mut Vec<u8>, number: u32, bytes: &[u8]) {
        put_head(out, number, bytes.len());
        out.extend_from_slice(bytes);
    }
}
