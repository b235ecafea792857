//! JSON inside strings: a tokenizer that never builds anything, and the escapes of JSON strings.

pub mod escape;
mod tokens;

pub use tokens::{Token, Tokens};

/// Whether a text may be a JSON document that holds others: the tokenizer decides, this is for the first look.
#[inline]
pub fn may_be_json(text: &[u8]) -> bool {
    match text.first() {
        Some(b'{' | b'[' | b'"') => true,
        Some(b' ' | b'\t' | b'\r' | b'\n') => matches!(text.trim_ascii_start().first(), Some(b'{' | b'[' | b'"')),
        _ => false,
    }
}
