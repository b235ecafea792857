//! Reads the files that the operator granted, within bounds.

use std::fs::File;
use std::io::Read;

/// The longest value file, and the longest labels file: the kubelet's own limit for all annotations is 256 KiB.
pub const SMALL_BYTES_MAX: u64 = 1 << 20;

/// The file as text. The error names the file and what to do.
pub fn read(path: &str, bytes_max: u64) -> Result<String, String> {
    let cannot = |error: std::io::Error| {
        format!("cannot read {path}: {error}; grant it with `files` of the wasm processor")
    };
    let mut bytes = Vec::new();
    File::open(path).map_err(cannot)?.take(bytes_max + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if bytes.len() as u64 > bytes_max {
        return Err(format!("{path} is longer than {bytes_max} bytes"));
    }
    String::from_utf8(bytes)
        .map_err(|error| format!("{path} is not UTF-8 at byte {}", error.utf8_error().valid_up_to()))
}
