//! What the upstream answers: at random, but the same in every run for the same batch.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tonic::Code;
use weir_tests::requests::trace_id;
use weir_tests::upstream::Fault;
use weir_tests::{Answer, Received, Upstream, ids};

/// How an exporter speaks to its upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Grpc,
    Http,
}

impl Protocol {
    pub const BOTH: [Protocol; 2] = [Protocol::Grpc, Protocol::Http];

    pub fn exporter_id(self) -> &'static str {
        match self {
            Protocol::Grpc => "otlp_grpc",
            Protocol::Http => "otlp_http",
        }
    }
}

/// What an upstream is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temper {
    /// Every answer is a success.
    Willing,
    /// Two answers in five ask to try again.
    Busy,
    /// One answer in three is a refusal for good.
    Strict,
    /// All of that.
    Moody,
    /// Each answer takes up to 300 milliseconds, which is longer than [`SLOW_TIMEOUT`].
    Slow,
    /// One answer in four is a connection that breaks, and others' answers with it.
    Breaking,
    /// One answer in four is the last one of its connection.
    Leaving,
    /// One answer in four has no status at all.
    Mute,
    /// One answer in four is larger than a client may read.
    Verbose,
    /// Everything.
    Terrible,
}

/// What an exporter waits for a slow upstream.
pub const SLOW_TIMEOUT: &str = "250ms";

/// What an answer means for the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    Taken,
    Again,
    Never,
    /// The protocol does not say.
    Unclear,
}

/// An upstream's answers so far: for each batch, by the id of its first item.
#[derive(Default)]
pub struct Script {
    meant: Mutex<HashMap<String, Vec<Meaning>>>,
}

impl Script {
    /// Makes the upstream answer like this. Two upstreams with different seeds answer differently.
    pub fn follow(upstream: &Upstream, temper: Temper, seed: &'static str) -> Arc<Script> {
        let script = Arc::new(Script::default());
        let shared = Arc::clone(&script);
        upstream.choose(move |received| shared.answer(received, temper, seed));
        script
    }

    /// What was answered to each batch, in order.
    pub fn meant(&self) -> HashMap<String, Vec<Meaning>> {
        self.meant.lock().unwrap().clone()
    }

    fn answer(&self, received: &Received, temper: Temper, seed: &str) -> Answer {
        let key = ids::of(received.signal, &received.body).swap_remove(0);
        let mut meant = self.meant.lock().unwrap();
        let answers = meant.entry(key.clone()).or_default();
        let roll = Roll(trace_id(&format!("{seed} {key} {}", answers.len())));
        let (answer, meaning) = choose(temper, &roll, received.is_grpc());
        answers.push(meaning);
        answer
    }
}

/// Some dice.
struct Roll([u8; 16]);

impl Roll {
    /// The same for the same die; `false` in so many of `of` cases as `count`.
    fn hits(&self, die: usize, count: u8, of: u8) -> bool {
        self.0[die] % of < count
    }

    fn pick<T: Clone>(&self, die: usize, from: &[T]) -> T {
        from[usize::from(self.0[die]) % from.len()].clone()
    }
}

fn choose(temper: Temper, roll: &Roll, is_grpc: bool) -> (Answer, Meaning) {
    let quarter = roll.hits(0, 1, 4);
    match temper {
        Temper::Busy if roll.hits(0, 2, 5) => (again(roll, is_grpc), Meaning::Again),
        Temper::Strict if roll.hits(0, 1, 3) => (never(roll, is_grpc), Meaning::Never),
        Temper::Moody if roll.hits(0, 1, 3) => (again(roll, is_grpc), Meaning::Again),
        Temper::Moody if roll.hits(1, 1, 5) => (never(roll, is_grpc), Meaning::Never),
        Temper::Slow => {
            let delay = Duration::from_millis(u64::from(roll.0[0]) * 300 / 255);
            (Answer::Faulty(Fault::Slow(delay)), Meaning::Unclear)
        }
        Temper::Breaking if quarter => (Answer::Reset, Meaning::Unclear),
        Temper::Leaving if quarter => (Answer::Faulty(Fault::Goaway), Meaning::Taken),
        Temper::Mute if quarter && is_grpc => (Answer::Faulty(Fault::NoTrailers), Meaning::Unclear),
        Temper::Verbose if quarter => (Answer::Faulty(Fault::Oversized), Meaning::Never),
        Temper::Terrible if roll.hits(0, 1, 2) => {
            let all = [
                Temper::Busy,
                Temper::Strict,
                Temper::Breaking,
                Temper::Leaving,
                Temper::Mute,
                Temper::Verbose,
            ];
            choose(roll.pick(1, &all), &Roll([0; 16]), is_grpc)
        }
        _ => (Answer::Ok, Meaning::Taken),
    }
}

fn again(roll: &Roll, is_grpc: bool) -> Answer {
    const CODES: [Code; 6] = [
        Code::Unavailable,
        Code::Aborted,
        Code::Cancelled,
        Code::DataLoss,
        Code::DeadlineExceeded,
        Code::OutOfRange,
    ];
    match is_grpc {
        true => Answer::Grpc(roll.pick(2, &CODES), None),
        false => Answer::Http(roll.pick(2, &[429, 502, 503, 504]), None),
    }
}

fn never(roll: &Roll, is_grpc: bool) -> Answer {
    const CODES: [Code; 5] = [
        Code::InvalidArgument,
        Code::PermissionDenied,
        Code::Internal,
        Code::Unimplemented,
        Code::ResourceExhausted,
    ];
    match is_grpc {
        true => Answer::Grpc(roll.pick(2, &CODES), None),
        false => Answer::Http(roll.pick(2, &[400, 403, 404, 413, 500]), None),
    }
}
