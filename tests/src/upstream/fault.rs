//! Upstreams that break the protocol or are about to go away, as real ones do in a rolling restart or behind a bad proxy.

use std::time::Duration;

use bytes::Bytes;

/// More than a client may take: OTLP's bound for answers is 4 MiB.
const OVERSIZED_BYTES: usize = 5 << 20;

/// What goes wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Success, but the connection takes no more requests: GOAWAY, or `connection: close`.
    Goaway,
    /// gRPC without a status: the trailers are missing. Over HTTP there are none, and this is a success.
    NoTrailers,
    /// A success whose message is larger than a client may accept.
    Oversized,
    /// Success, after a while.
    Slow(Duration),
}

impl Fault {
    /// Whether the items count as delivered.
    pub(super) fn accepts(self, is_grpc: bool) -> bool {
        match self {
            Fault::Goaway | Fault::Slow(_) => true,
            Fault::NoTrailers => !is_grpc,
            Fault::Oversized => false,
        }
    }

    /// The body of the answer.
    pub(super) fn response(self) -> Bytes {
        match self {
            Fault::Oversized => Bytes::from(vec![0; OVERSIZED_BYTES]),
            Fault::Goaway | Fault::NoTrailers | Fault::Slow(_) => Bytes::new(),
        }
    }
}
