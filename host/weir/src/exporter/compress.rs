//! Compresses requests on their way out.

use std::io::{self, Write};

use bytes::Bytes;
use weir_pipeline::{Batch, Charge, ExportError};

use crate::wire::code;

/// Payloads up to this size are compressed where they are. More goes to a thread that may block: gzip takes about
/// ten milliseconds a mebibyte, during which nobody else on the thread would be served.
const INLINE_BYTES_MAX: usize = 32 << 10;

/// How requests are compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not at all.
    None,
    /// The default, as in the Collector: every upstream takes it.
    #[default]
    Gzip,
    /// Faster and smaller, where the upstream takes it.
    Zstd,
}

impl Compression {
    /// The name for `grpc-encoding` and `content-encoding`, if there is anything to say.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Compression::None => None,
            Compression::Gzip => Some("gzip"),
            Compression::Zstd => Some("zstd"),
        }
    }

    /// What a compressed payload takes of the budget while it is sent: at most as much as the payload, and a little.
    pub(super) fn charge(self, batch: &Batch) -> Option<Charge> {
        (self != Compression::None).then(|| batch.charge.beside(batch.payload.len() as u64))
    }

    /// The compressed payload. The level is that of gzip or of zstd; the usual one if `None`.
    pub(super) async fn apply(self, payload: Bytes, level: Option<i32>) -> Result<Bytes, ExportError> {
        let compressed = match self {
            Compression::None => return Ok(payload),
            _ if payload.len() <= INLINE_BYTES_MAX => self.compress(&payload, level),
            _ => tokio::task::spawn_blocking(move || self.compress(&payload, level))
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error))),
        };
        compressed.map_err(|error| {
            ExportError::permanent(code::INTERNAL, format!("could not compress the request: {error}"))
        })
    }

    fn compress(self, payload: &[u8], level: Option<i32>) -> io::Result<Bytes> {
        match self {
            Compression::None => Ok(Bytes::copy_from_slice(payload)),
            Compression::Gzip => {
                // Telemetry shrinks to a sixth or less; starting there saves most of the growing.
                let out = Vec::with_capacity(payload.len() / 6 + 64);
                let mut encoder = flate2::write::GzEncoder::new(out, gzip_level(level));
                encoder.write_all(payload)?;
                Ok(Bytes::from(encoder.finish()?))
            }
            Compression::Zstd => {
                let level = level.unwrap_or(zstd::DEFAULT_COMPRESSION_LEVEL);
                Ok(Bytes::from(zstd::bulk::compress(payload, level)?))
            }
        }
    }
}

fn gzip_level(level: Option<i32>) -> flate2::Compression {
    // Minus one is how Go writes the usual level.
    let level = level.and_then(|level| u32::try_from(level).ok());
    level.map_or_else(flate2::Compression::default, |level| flate2::Compression::new(level.min(9)))
}
