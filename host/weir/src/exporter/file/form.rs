//! What a record of a file is made of, as the Collector has it: a line of OTLP/JSON; or, behind its length, protobuf, or either of
//! the two as a frame of zstd.

use std::io;

use weir_otlp::{Signal, json};

use crate::records::Framing;

/// How a request is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// The encoding.
    pub format: FileFormat,
    /// Whether each request is compressed, by itself.
    pub is_compressed: bool,
}

/// The encoding of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileFormat {
    /// OTLP/JSON.
    Json,
    /// Protobuf, as it came.
    Proto,
}

/// Why a request cannot be written, whatever the disk says.
#[derive(Debug)]
pub(super) enum Unfit {
    /// It is none. Nothing of it is in the reason.
    Malformed(String),
    TooLong,
    Compression(io::Error),
}

impl Form {
    /// How one record is told from the next.
    pub(super) fn framing(self) -> Framing {
        match self {
            Form { format: FileFormat::Json, is_compressed: false } => Framing::Lines,
            _ => Framing::Lengths,
        }
    }

    /// Appends the record of a request.
    ///
    /// # Errors
    /// There can be none. What was appended then is of no use.
    pub(super) fn write(self, signal: Signal, request: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
        let is_written = self.framing().record(out, |out| match (self.format, self.is_compressed) {
            (FileFormat::Json, false) => encode(signal, request, out),
            (FileFormat::Proto, false) => {
                out.extend_from_slice(request);
                Ok(())
            }
            (FileFormat::Proto, true) => compress(request, out),
            (FileFormat::Json, true) => {
                let mut text = Vec::new();
                encode(signal, request, &mut text)?;
                compress(&text, out)
            }
        })?;
        if is_written { Ok(()) } else { Err(Unfit::TooLong) }
    }
}

fn encode(signal: Signal, request: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    json::encode(signal, request, out)
        .map_err(|error| Unfit::Malformed(format!("the request cannot be written as OTLP/JSON: {error}")))
}

fn compress(content: &[u8], out: &mut Vec<u8>) -> Result<(), Unfit> {
    let frame = zstd::bulk::compress(content, zstd::DEFAULT_COMPRESSION_LEVEL).map_err(Unfit::Compression)?;
    out.extend_from_slice(&frame);
    Ok(())
}
