//! What weir offers beside the batch. Outside of Wasm, where plugins are tested, it is recorded per thread for
//! [`testing`](crate::testing).

#[cfg(target_family = "wasm")]
pub(crate) use crate::guest::{counter_add, log};

#[cfg(not(target_family = "wasm"))]
mod native {
    use std::cell::RefCell;
    use std::collections::BTreeMap;

    #[derive(Default)]
    pub(crate) struct Recorded {
        pub lines: Vec<(u8, String)>,
        pub counters: BTreeMap<(String, String), u64>,
    }

    thread_local! {
        static RECORDED: RefCell<Recorded> = RefCell::default();
    }

    pub(crate) fn log(level: u8, message: &str) {
        RECORDED.with_borrow_mut(|recorded| recorded.lines.push((level, message.to_owned())));
    }

    pub(crate) fn counter_add(counter: &str, label: &str, value: u64) {
        RECORDED.with_borrow_mut(|recorded| {
            *recorded.counters.entry((counter.to_owned(), label.to_owned())).or_default() += value;
        });
    }

    /// Hands out what was recorded on this thread and forgets it.
    pub(crate) fn take() -> Recorded {
        RECORDED.take()
    }
}

#[cfg(not(target_family = "wasm"))]
pub(crate) use native::{counter_add, log, take};
