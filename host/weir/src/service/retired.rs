//! What a reload took out of service: connections that finish what they began, and queues that deliver what they have.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::JoinSet;

use super::endpoints::Leaving;
use super::exporters::Gone;
use crate::receiver::FileReceiver;

/// Servers and queues that may still be finishing when another reload begins. Each may hold as much as one in
/// service, so there is no going on for ever.
const RETIRED_MAX: usize = 16;

/// How often it is looked whether the last batch that began before a reload has got as far as the queues. Only
/// while a queue is being retired.
const IN_USE_POLL: Duration = Duration::from_millis(50);

/// Everything that is still finishing.
pub(super) struct Retired {
    timeout: Duration,
    /// By when everything must have ended, once weir stops.
    stop: watch::Sender<Option<Instant>>,
    tasks: JoinSet<()>,
}

impl Retired {
    /// Each gets `timeout` to finish, as in a stop.
    pub(super) fn new(timeout: Duration) -> Self {
        Retired { timeout, stop: watch::Sender::new(None), tasks: JoinSet::new() }
    }

    /// Waits until there is room for what another reload may retire.
    pub(super) async fn room(&mut self) {
        while self.tasks.try_join_next().is_some() {}
        while self.tasks.len() >= RETIRED_MAX {
            tracing::warn!("a reload waits until what earlier ones took out of service has finished");
            self.tasks.join_next().await;
        }
    }

    /// Lets a server's connections finish.
    pub(super) fn server(&mut self, leaving: Leaving) {
        let deadline = Instant::now() + self.timeout;
        self.tasks.spawn(async move {
            if !leaving.stop(deadline).await {
                tracing::warn!("connections from before a reload were cut at the deadline");
            }
        });
    }

    /// Lets a reader's lines that are under way be answered.
    pub(super) fn reader(&mut self, reader: FileReceiver) {
        let deadline = Instant::now() + self.timeout;
        self.tasks.spawn(async move {
            reader.stop(deadline).await;
        });
    }

    /// Lets a queue deliver what it has.
    pub(super) fn queue(&mut self, gone: Gone) {
        let stop = self.stop.subscribe();
        self.tasks.spawn(deliver(gone, self.timeout, stop));
    }

    /// Weir stops: whatever is left has until the deadline.
    pub(super) async fn stop(mut self, deadline: Instant) {
        self.stop.send_replace(Some(deadline));
        let all = async { while self.tasks.join_next().await.is_some() {} };
        // Queues keep the deadline by themselves; a connection beyond it ends with the process.
        let _ = tokio::time::timeout_at(deadline.into(), all).await;
    }
}

async fn deliver(gone: Gone, timeout: Duration, mut stop: watch::Receiver<Option<Instant>>) {
    let Gone { queue, heir } = gone;
    // A batch ends in the pipelines in which it began, so the queue takes batches for as long as a pipeline has it.
    let unused = async {
        while Arc::strong_count(&queue) > 1 {
            tokio::time::sleep(IN_USE_POLL).await;
        }
    };
    tokio::select! {
        _ = tokio::time::timeout(timeout, unused) => {}
        _ = stop.wait_for(Option::is_some) => {}
    }
    let told = *stop.borrow();
    let deadline = told.unwrap_or_else(|| Instant::now() + timeout);
    let drained = tokio::select! {
        drained = queue.shutdown(deadline) => drained,
        deadline = sooner(&mut stop), if told.is_none() => queue.shutdown(deadline).await,
    };
    match heir {
        Some(heir) => heir.adopt(drained.left),
        None if !drained.left.is_empty() => {
            tracing::warn!(
                exporter = queue.name(),
                "no exporter of now sends what is left on disk of this one"
            );
        }
        None => {}
    }
    if drained.lost_requests == 0 {
        tracing::info!(
            exporter = queue.name(),
            "the exporter from before the reload has delivered what it had"
        );
    }
}

/// The deadline of the stop, once there is one.
async fn sooner(stop: &mut watch::Receiver<Option<Instant>>) -> Instant {
    match stop.wait_for(Option::is_some).await.map(|deadline| *deadline) {
        Ok(Some(deadline)) => deadline,
        // The sender is gone without a stop: the process is ending.
        _ => std::future::pending().await,
    }
}
