//! JSON inside strings: a tokenizer that never builds anything, and the escapes of JSON strings.

pub mod escape;
mod tokens;

pub use tokens::{Token, Tokens};

/// Whether a text that starts with this byte may be a JSON document: for the first look at every value.
#[inline]
pub fn may_begin_json(byte: u8) -> bool {
    matches!(byte, b'{' | b'[' | b'"' | b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether a text may be a JSON document that holds others: the tokenizer decides.
pub fn may_be_json(text: &[u8]) -> bool {
    matches!(text.trim_ascii_start().first(), Some(b'{' | b'[' | b'"'))
}
