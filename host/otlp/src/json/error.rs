//! What is wrong with a request's JSON, and where. Never shows what stands there: telemetry stays out of errors.

use std::fmt;

use super::path::Path;
use crate::wire::WireError;

/// The longest text that is decoded, in bytes: 256 MiB, four times what OTLP recommends as the limit of a request. A
/// request is at most four times as long as its JSON (`0,` in a list is eight bytes), so it stays below the 1 GiB that
/// the walk takes.
pub(super) const TEXT_MAX: usize = 1 << 28;

/// What is wrong with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// A value of another type.
    Expected(&'static str),
    NotNumber,
    Fraction,
    /// A number that the type has not.
    Range(&'static str),
    EnumName,
    HexDigit,
    /// An id that is not of this many bytes.
    HexLength(usize),
    Base64,
    NullElement,
    Twice,
    Choice,
    Depth,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Fault::Expected(what) => write!(f, "expected {what}"),
            Fault::NotNumber => f.write_str("the string does not hold a number"),
            Fault::Fraction => f.write_str("expected an integer, found a number with a fraction"),
            Fault::Range(kind) => write!(f, "the number is out of the range of {kind}"),
            Fault::EnumName => f.write_str("the string is neither a name of this enum nor a number"),
            Fault::HexDigit => f.write_str("an id has only hexadecimal digits"),
            Fault::HexLength(len) => write!(f, "this id has {} hexadecimal digits, or none", 2 * len),
            Fault::Base64 => f.write_str("the string is not base64"),
            Fault::NullElement => f.write_str("null cannot be an element of a list"),
            Fault::Twice => f.write_str("the field stands twice in its object"),
            Fault::Choice => f.write_str("only one of the fields of this choice may stand in an object"),
            Fault::Depth => f.write_str("values are nested deeper than 100 levels"),
        }
    }
}

/// The text is not OTLP/JSON, or the bytes are not OTLP: what is wrong, and where. Never shows what stands there.
#[derive(Debug)]
pub struct JsonError(Box<Inner>);

#[derive(Debug)]
enum Inner {
    Profiles,
    TooLarge,
    ByteOrderMark,
    Utf8 { at: usize },
    Text { what: String, path: String, line: usize, column: usize },
    Bytes(WireError),
}

impl JsonError {
    pub(super) fn profiles() -> JsonError {
        JsonError(Box::new(Inner::Profiles))
    }

    pub(super) fn too_large() -> JsonError {
        JsonError(Box::new(Inner::TooLarge))
    }

    pub(super) fn byte_order_mark() -> JsonError {
        JsonError(Box::new(Inner::ByteOrderMark))
    }

    pub(super) fn utf8(error: std::str::Utf8Error) -> JsonError {
        JsonError(Box::new(Inner::Utf8 { at: error.valid_up_to() }))
    }

    /// What stopped the decoder: a fault in a value, or else in the syntax.
    pub(super) fn text(fault: Option<Fault>, path: &Path, error: &serde_json::Error) -> JsonError {
        let what = match fault {
            Some(fault) => fault.to_string(),
            None => syntax(error),
        };
        let (path, line, column) = (path.to_string(), error.line(), error.column());
        JsonError(Box::new(Inner::Text { what, path, line, column }))
    }

    /// Whether the request is only too large, and would be accepted in parts.
    pub fn is_too_large(&self) -> bool {
        match &*self.0 {
            Inner::TooLarge => true,
            Inner::Bytes(error) => error.is_too_large(),
            _ => false,
        }
    }
}

/// What serde_json says of syntax, which is one of a few fixed texts. What it says of data would quote it.
fn syntax(error: &serde_json::Error) -> String {
    if error.is_data() {
        return "a value has another type than expected".to_owned();
    }
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

impl From<WireError> for JsonError {
    fn from(error: WireError) -> Self {
        JsonError(Box::new(Inner::Bytes(error)))
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::Profiles => f.write_str("profiles are not supported as JSON; send them as protobuf"),
            Inner::TooLarge => f.write_str("the JSON text is larger than 256 MiB; send smaller requests"),
            Inner::ByteOrderMark => {
                f.write_str("malformed OTLP/JSON: the text begins with a byte order mark; leave it out")
            }
            Inner::Utf8 { at } => write!(f, "malformed OTLP/JSON: the text is not UTF-8, at byte {at}"),
            Inner::Text { what, path, line, column } => {
                write!(f, "malformed OTLP/JSON: {what}, at ")?;
                if !path.is_empty() {
                    write!(f, "{path}, ")?;
                }
                write!(f, "line {line} column {column}")
            }
            Inner::Bytes(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for JsonError {}
