//! Compresses requests on their way out.

use std::io::{self, Write};

use bytes::Bytes;
use weir_pipeline::ExportError;

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

    /// The compressed payload.
    pub(super) async fn apply(self, payload: Bytes) -> Result<Bytes, ExportError> {
        let compressed = match self {
            Compression::None => return Ok(payload),
            _ if payload.len() <= INLINE_BYTES_MAX => self.compress(&payload),
            _ => tokio::task::spawn_blocking(move || self.compress(&payload))
                .await
                .unwrap_or_else(|error| Err(io::Error::other(error))),
        };
        compressed.map_err(|error| {
            ExportError::permanent(code::INTERNAL, format!("could not compress the request: {error}"))
        })
    }

    fn compress(self, payload: &[u8]) -> io::Result<Bytes> {
        match self {
            Compression::None => Ok(Bytes::copy_from_slice(payload)),
            Compression::Gzip => {
                // Telemetry shrinks to a sixth or less; starting there saves most of the growing.
                let out = Vec::with_capacity(payload.len() / 6 + 64);
                let mut encoder = flate2::write::GzEncoder::new(out, flate2::Compression::default());
                encoder.write_all(payload)?;
                Ok(Bytes::from(encoder.finish()?))
            }
            Compression::Zstd => {
                Ok(Bytes::from(zstd::bulk::compress(payload, zstd::DEFAULT_COMPRESSION_LEVEL)?))
            }
        }
    }
}
