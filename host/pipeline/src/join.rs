//! Waits for several futures at once, in place of a dependency for twenty lines.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

/// Runs all futures side by side in this task and hands back their outputs in the same order.
pub(crate) async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut slots: Vec<Slot<F>> = futures.into_iter().map(|future| Slot::Running(Box::pin(future))).collect();
    poll_fn(move |context| {
        let mut all_done = true;
        for slot in &mut slots {
            if let Slot::Running(future) = slot {
                match future.as_mut().poll(context) {
                    Poll::Ready(output) => *slot = Slot::Done(output),
                    Poll::Pending => all_done = false,
                }
            }
        }
        if !all_done {
            return Poll::Pending;
        }
        let outputs = std::mem::take(&mut slots).into_iter().filter_map(|slot| match slot {
            Slot::Done(output) => Some(output),
            Slot::Running(_) => None,
        });
        Poll::Ready(outputs.collect())
    })
    .await
}

enum Slot<F: Future> {
    Running(Pin<Box<F>>),
    Done(F::Output),
}

// The outputs are never pinned, only the boxed futures are.
impl<F: Future> Unpin for Slot<F> {}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn outputs_keep_the_order_of_the_futures_whichever_ends_first() {
        let delays = [30, 10, 20];
        let outputs = join_all(delays.map(|delay| async move {
            tokio::time::sleep(Duration::from_millis(delay)).await;
            delay
        }))
        .await;
        assert_eq!(outputs, delays);
    }

    #[tokio::test]
    async fn no_futures_give_no_outputs() {
        assert_eq!(join_all(Vec::<std::future::Ready<()>>::new()).await, Vec::<()>::new());
    }
}
