//! The only decompressor of the receivers: gzip and zstd, bounded in what comes out and in the memory that it takes.

use std::io::{self, Read};

use bytes::Bytes;
use weir_pipeline::{Cause, Charge, Refusal};

use super::body::{too_large, without_slack};

/// The window that a zstd stream may ask for, as a power of two: 8 MiB, which RFC 8878 wants every decoder to have.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;

/// How much is decompressed between two looks at the bounds.
const STEP: u64 = 256 << 10;

/// Compressed input up to this size is decompressed where it is. More goes to a thread that may block: it could
/// keep other connections waiting otherwise.
const INLINE_BYTES_MAX: usize = 16 << 10;

/// How a body is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

impl Encoding {
    /// The names that a receiver takes, for the answer to those that it does not.
    pub(super) const SUPPORTED: &'static str = "identity,gzip,zstd";

    /// By the name in `content-encoding` or `grpc-encoding`.
    pub(super) fn by_name(name: &str) -> Option<Encoding> {
        match name.trim().to_ascii_lowercase().as_str() {
            "" | "identity" => Some(Encoding::Identity),
            "gzip" | "x-gzip" => Some(Encoding::Gzip),
            "zstd" => Some(Encoding::Zstd),
            _ => None,
        }
    }
}

/// Undoes the encoding. What comes out is charged on top of what went in, while both are there.
///
/// # Errors
/// Malformed if the bytes are not of this encoding, too large, or overload.
pub(super) async fn decompress(
    encoding: Encoding,
    compressed: Bytes,
    bytes_max: u64,
    charge: &Charge,
) -> Result<Bytes, Refusal> {
    if encoding == Encoding::Identity {
        return Ok(compressed);
    }
    if compressed.len() <= INLINE_BYTES_MAX {
        return decompress_here(encoding, &compressed, bytes_max, charge);
    }
    let charge = charge.clone();
    let work =
        tokio::task::spawn_blocking(move || decompress_here(encoding, &compressed, bytes_max, &charge));
    work.await.unwrap_or_else(|_| Err(Refusal::permanent(Cause::Internal, "the decompressor failed")))
}

fn decompress_here(
    encoding: Encoding,
    compressed: &[u8],
    bytes_max: u64,
    charge: &Charge,
) -> Result<Bytes, Refusal> {
    match encoding {
        Encoding::Identity => Ok(Bytes::copy_from_slice(compressed)),
        Encoding::Gzip => read_bounded(
            flate2::bufread::MultiGzDecoder::new(compressed),
            compressed.len(),
            bytes_max,
            charge,
        ),
        Encoding::Zstd => {
            let decoder = zstd::stream::read::Decoder::with_buffer(compressed).and_then(|mut decoder| {
                decoder.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
                Ok(decoder)
            });
            let decoder = decoder.map_err(|error| corrupt(&error))?;
            read_bounded(decoder, compressed.len(), bytes_max, charge)
        }
    }
}

fn read_bounded(
    mut decoder: impl Read,
    compressed_len: usize,
    bytes_max: u64,
    charge: &Charge,
) -> Result<Bytes, Refusal> {
    let mut out = Vec::new();
    loop {
        // Before the step, so that no byte is there that was not charged; a vector that grows is two for a moment.
        charge.grow_to((out.len() as u64).saturating_add(STEP).min(bytes_max) + compressed_len as u64)?;
        let read = (&mut decoder).take(STEP).read_to_end(&mut out).map_err(|error| corrupt(&error))?;
        if out.len() as u64 > bytes_max {
            return Err(too_large(bytes_max));
        }
        if read == 0 {
            return Ok(without_slack(out));
        }
    }
}

fn corrupt(error: &io::Error) -> Refusal {
    Refusal::permanent(Cause::Malformed, format!("the body cannot be decompressed: {error}"))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use weir_pipeline::Budget;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    async fn run(encoding: Encoding, compressed: Vec<u8>, bytes_max: u64) -> Result<Bytes, Refusal> {
        let budget = Budget::new(64 << 20);
        let (other, charge) = (budget.open().unwrap(), budget.open().unwrap());
        other.grow_to(32 << 20).unwrap();
        decompress(encoding, Bytes::from(compressed), bytes_max, &charge).await
    }

    #[tokio::test]
    async fn both_encodings_come_back_as_they_went_inline_and_on_a_thread() {
        let noise: Vec<u8> = (0..100_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        for original in [b"short".to_vec(), noise] {
            let compressed = zstd::encode_all(original.as_slice(), 0).unwrap();
            assert_eq!(run(Encoding::Gzip, gzip(&original), 1 << 20).await.unwrap(), original);
            assert_eq!(run(Encoding::Zstd, compressed, 1 << 20).await.unwrap(), original);
        }
    }

    #[tokio::test]
    async fn members_and_frames_behind_each_other_count_together() {
        let half = vec![0; 600];
        let members = [gzip(&half), gzip(&half)].concat();
        assert_eq!(run(Encoding::Gzip, members.clone(), 1200).await.unwrap().len(), 1200);
        assert_eq!(run(Encoding::Gzip, members, 1199).await.unwrap_err().cause, Cause::TooLarge);
        let frame = zstd::encode_all(half.as_slice(), 0).unwrap();
        let frames = [frame.clone(), frame].concat();
        assert_eq!(run(Encoding::Zstd, frames, 1199).await.unwrap_err().cause, Cause::TooLarge);
    }

    #[tokio::test]
    async fn a_bomb_is_too_large_for_the_limit_or_for_the_budget() {
        let bomb = gzip(&vec![0; 40 << 20]);
        assert_eq!(run(Encoding::Gzip, bomb.clone(), 1 << 20).await.unwrap_err().cause, Cause::TooLarge);
        let refusal = run(Encoding::Gzip, bomb, 64 << 20).await.unwrap_err();
        assert_eq!((refusal.cause, refusal.retryable), (Cause::Overload, true));
    }

    #[tokio::test]
    async fn garbage_and_truncation_are_malformed() {
        let whole = gzip(b"some bytes that are cut");
        for compressed in [b"garbage".to_vec(), whole[..whole.len() - 3].to_vec()] {
            assert_eq!(run(Encoding::Gzip, compressed, 1 << 20).await.unwrap_err().cause, Cause::Malformed);
        }
        assert_eq!(
            run(Encoding::Zstd, b"garbage".to_vec(), 1 << 20).await.unwrap_err().cause,
            Cause::Malformed
        );
    }

    #[tokio::test]
    async fn a_zstd_window_beyond_eight_mebibytes_is_malformed() {
        let mut encoder = zstd::stream::write::Encoder::new(Vec::new(), 1).unwrap();
        encoder.window_log(27).unwrap();
        encoder.write_all(&vec![0; 1000]).unwrap();
        let wide = encoder.finish().unwrap();
        assert_eq!(run(Encoding::Zstd, wide, 1 << 20).await.unwrap_err().cause, Cause::Malformed);
    }

    #[test]
    fn names_of_encodings_are_those_of_http_and_grpc() {
        for (name, expected) in [
            ("", Some(Encoding::Identity)),
            ("identity", Some(Encoding::Identity)),
            ("GZIP", Some(Encoding::Gzip)),
            ("zstd", Some(Encoding::Zstd)),
            ("snappy", None),
            ("gzip, zstd", None),
        ] {
            assert_eq!(Encoding::by_name(name), expected, "{name}");
        }
    }
}
