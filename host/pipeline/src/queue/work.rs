//! The workers of a queue: they come when something is to be sent and go when nothing is.

use std::sync::Arc;

use tokio::time::Instant;

use super::Shared;
use super::entry::{Entry, Slot};
use super::waiting::Waiting;
use crate::BatchSettings;
use crate::storage::Stored;

#[derive(Default)]
pub(super) struct Work {
    pub(super) waiting: Waiting,
    workers: usize,
    /// When something will be looked at again, if somebody sleeps until then.
    timer_at: Option<Instant>,
    /// Nothing is sent any more.
    pub(super) has_given_up: bool,
    pub(super) left: Vec<Stored>,
}

impl Shared {
    pub(super) fn push(self: &Arc<Self>, entry: Entry, batching: Option<BatchSettings>) -> Option<Arc<Slot>> {
        let mut work = self.work();
        if work.has_given_up {
            drop(work);
            self.give_up(entry);
            return None;
        }
        let slot = work.waiting.push(entry, batching);
        self.rouse(&mut work);
        Some(slot)
    }

    /// One more worker if something is to be sent and there may be one more; a timer if something will be.
    pub(super) fn rouse(self: &Arc<Self>, work: &mut Work) {
        if work.has_given_up || work.workers >= self.settings.consumers() {
            return;
        }
        if work.waiting.is_ready(Instant::now()) {
            work.workers += 1;
            tokio::spawn(Arc::clone(self).work_off());
        } else if let Some(at) = work.waiting.next_flush()
            && work.timer_at.is_none_or(|timer_at| at < timer_at)
        {
            work.timer_at = Some(at);
            tokio::spawn(Arc::clone(self).rouse_at(at));
        }
    }

    async fn rouse_at(self: Arc<Self>, at: Instant) {
        tokio::time::sleep_until(at).await;
        let mut work = self.work();
        if work.timer_at == Some(at) {
            work.timer_at = None;
        }
        self.rouse(&mut work);
    }

    /// A worker: sends what is to be sent, one request at a time, until there is nothing. It holds its place through
    /// the waits between attempts too, as in the Collector: an upstream that is down is not met with more at a time.
    async fn work_off(self: Arc<Self>) {
        loop {
            let group = {
                let mut work = self.work();
                let group = if work.has_given_up { None } else { work.waiting.take(Instant::now()) };
                if group.is_none() {
                    work.workers -= 1;
                }
                self.rouse(&mut work);
                group
            };
            match group {
                Some(group) => self.deliver(group).await,
                None => return,
            }
        }
    }
}
