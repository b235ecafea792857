//! What travels inside weir: the bytes of one request and its bookkeeping.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use weir_otlp::Signal;

use crate::Charge;

/// See [`Batch::cost`].
const BOOKKEEPING_BYTES: u64 = 1024;

/// One OTLP export request on its way through a pipeline. Cloning is cheap: the payload is shared.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Which signal; a batch never mixes them.
    pub signal: Signal,
    /// The encoded `Export*ServiceRequest`.
    pub payload: Bytes,
    /// Spans, data points or log records in the payload.
    pub items: u64,
    /// When weir received it, in unix nanoseconds.
    pub received_unix_nano: u64,
    /// When the sender stops waiting, if it said so. Work for the sender's answer should end before.
    pub deadline: Option<Instant>,
    /// What the payload takes of the budget.
    pub charge: Charge,
}

impl Batch {
    /// A batch that was received now, of a sender that waits for ever, charged to nobody.
    pub fn new(signal: Signal, payload: Bytes, items: u64) -> Self {
        let received_unix_nano = Batch::now_unix_nano();
        Batch { signal, payload, items, received_unix_nano, deadline: None, charge: Charge::default() }
    }

    /// Puts other bytes in place of the payload, and charges for them.
    pub fn replace(&mut self, payload: Bytes, items: u64) {
        self.charge = self.charge.beside(Batch::cost(payload.len()));
        self.payload = payload;
        self.items = items;
    }

    /// What a payload of so many bytes takes of memory, from the time when it waits: allocators round up, by a sixteenth on average
    /// and an eighth at most, and each batch has its own bookkeeping, tasks and answers among it, which is about a kibibyte.
    pub fn cost(payload_bytes: usize) -> u64 {
        let bytes = payload_bytes as u64;
        bytes + bytes / 16 + BOOKKEEPING_BYTES
    }

    /// The time, as [`Batch::received_unix_nano`] has it.
    pub fn now_unix_nano() -> u64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX)
    }
}
