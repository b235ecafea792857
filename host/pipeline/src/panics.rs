//! Turns a panic inside a future into a value, so that one bad batch costs one failure and not a worker.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

/// The future panicked. What it said is not kept: it may quote telemetry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Panicked;

/// Runs `future` and hands back its output, or [`Panicked`] if it panicked while it was polled.
///
/// The future is dropped afterwards and never polled again, so a half-changed state of its own is not seen.
pub async fn catch_panic<F: Future>(future: F) -> Result<F::Output, Panicked> {
    let mut future = pin!(future);
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
        Err(_) => Poll::Ready(Err(Panicked)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_after_a_suspension_becomes_a_value() {
        let outcome = catch_panic(async {
            tokio::task::yield_now().await;
            panic!("expected by the test");
        })
        .await;
        assert_eq!(outcome, Err::<(), _>(Panicked));
    }

    #[tokio::test]
    async fn an_output_passes_through() {
        assert_eq!(catch_panic(async { 7 }).await, Ok(7));
    }
}
