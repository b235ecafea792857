//! OTLP/JSON: from its text to protobuf bytes and back, and the comparison of two requests by what they mean.
//!
//! - `decode`, `encode`, `difference`: the three directions; `value`: what `decode` reads at one place.
//! - `schema`, `messages`, `enums`: names, numbers and types of OTLP's fields.
//! - `number`, `bytes`: values whose form in JSON differs from that on the wire.
//! - `body`: messages that are written before their lengths are known; `fields`: a message that is read.
//! - `path`, `error`: where something stands, and what is wrong with it.

mod body;
mod bytes;
mod decode;
mod difference;
mod encode;
mod enums;
mod error;
mod fields;
mod messages;
mod number;
mod path;
mod schema;
mod value;

pub use bytes::write_base64;
pub use decode::decode;
pub use difference::difference;
pub use encode::encode;
pub use error::JsonError;
