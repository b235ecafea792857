//! What a fake upstream can answer.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;
use tokio::sync::Semaphore;
use tonic::Code;

use super::Fault;
use crate::rpc;

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};

/// One answer of a script.
#[derive(Clone, Debug, Default)]
pub enum Answer {
    /// Success.
    #[default]
    Ok,
    /// Success, of which so many items were rejected.
    Partial {
        /// How many.
        rejected: i64,
        /// The `error_message`.
        message: &'static str,
    },
    /// This gRPC status, with a RetryInfo if a delay is named.
    Grpc(Code, Option<Duration>),
    /// This HTTP status, with a Retry-After if one is named.
    Http(u16, Option<&'static str>),
    /// Success, once the gate is open.
    Hold(Gate),
    /// The connection is closed without an answer.
    Reset,
    /// Exactly this, over either protocol. It never counts as delivered.
    Raw(Raw),
    /// An answer with a fault.
    Faulty(Fault),
}

/// An answer that no well-behaved upstream gives, or that the other variants cannot express.
#[derive(Clone, Debug, Default)]
pub struct Raw {
    /// The HTTP status.
    pub status: u16,
    /// Headers; a name may come twice.
    pub headers: Vec<(&'static str, Vec<u8>)>,
    /// The body as it stands.
    pub body: Bytes,
    /// Trailers behind the body; none if empty.
    pub trailers: Vec<(&'static str, Vec<u8>)>,
}

impl Answer {
    /// Whether the items count as delivered.
    pub(super) fn accepts(&self, is_grpc: bool) -> bool {
        match self {
            Answer::Faulty(fault) => fault.accepts(is_grpc),
            _ => matches!(self, Answer::Ok | Answer::Partial { .. } | Answer::Hold(_)),
        }
    }

    /// The body of a success. The three responses have the same shape, so one serves all signals.
    pub(super) fn response(&self) -> Bytes {
        if let Answer::Faulty(fault) = self {
            return fault.response();
        }
        let Answer::Partial { rejected, message } = self else { return Bytes::new() };
        let partial_success = Some(ExportTracePartialSuccess {
            rejected_spans: *rejected,
            error_message: (*message).to_owned(),
        });
        ExportTraceServiceResponse { partial_success }.encode_to_vec().into()
    }
}

/// Holds answers back until it is opened.
#[derive(Clone, Debug)]
pub struct Gate(Arc<Semaphore>);

impl Default for Gate {
    fn default() -> Gate {
        Gate(Arc::new(Semaphore::new(0)))
    }
}

impl Gate {
    /// Lets everything through from now on.
    pub fn open(&self) {
        self.0.close();
    }

    pub(super) async fn pass(&self) {
        // The semaphore never has a permit: acquiring ends, with an error, when it is closed.
        let _ = self.0.acquire().await;
    }
}

/// `google.rpc.Status` with a `RetryInfo`, as gRPC carries it in `grpc-status-details-bin`.
pub(super) fn retry_details(code: Code, delay: Duration) -> Bytes {
    rpc::Status::retry_after(code.into(), delay).encode_to_vec().into()
}
