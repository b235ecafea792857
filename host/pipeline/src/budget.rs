//! The budget of bytes in flight: what weir holds of requests, from before a body is read until the last copy of it is gone.
//!
//! A request is charged before it is read and while it grows, and is refused if it does not fit. What weir makes of a
//! request that it has taken, such as the edited bytes or a merged batch, is charged without being asked: it has to be
//! made, and what it takes is missing for those who ask next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::{Cause, Refusal};

/// When a sender that found the budget used up should come back.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// One for the whole process.
#[derive(Debug)]
pub struct Budget {
    bytes_max: AtomicU64,
    used: AtomicU64,
}

/// A part of the budget, held by whoever has the bytes. Clones share it, as they share the bytes; it is given back with
/// the last of them. The default is a charge to nobody.
#[derive(Clone, Debug, Default)]
pub struct Charge(Option<Arc<Held>>);

#[derive(Debug)]
struct Held {
    budget: Arc<Budget>,
    bytes: AtomicU64,
}

// === impl Budget ===

impl Budget {
    /// A budget of so many bytes.
    pub fn new(bytes_max: u64) -> Arc<Self> {
        Arc::new(Budget { bytes_max: AtomicU64::new(bytes_max), used: AtomicU64::new(0) })
    }

    /// Another size, from now on. What is held stays held.
    pub fn resize(&self, bytes_max: u64) {
        self.bytes_max.store(bytes_max, Ordering::Relaxed);
    }

    /// How many bytes there are in all.
    pub fn bytes_max(&self) -> u64 {
        self.bytes_max.load(Ordering::Relaxed)
    }

    /// How many bytes are held now. May be above the size by what had to be made.
    pub fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// A charge of nothing yet, for one request.
    ///
    /// # Errors
    /// Overload, if nothing is left: the request would not get far.
    pub fn open(self: &Arc<Self>) -> Result<Charge, Refusal> {
        if self.used() >= self.bytes_max() {
            return Err(self.used_up());
        }
        Ok(self.charge())
    }

    /// A charge of nothing, which is never refused: for what is made of other things.
    pub fn charge(self: &Arc<Self>) -> Charge {
        Charge(Some(Arc::new(Held { budget: Arc::clone(self), bytes: AtomicU64::new(0) })))
    }

    fn used_up(&self) -> Refusal {
        let message = format!("weir is overloaded: its {} bytes for requests are in use", self.bytes_max());
        Refusal::retryable(Cause::Overload, Some(RETRY_AFTER), message)
    }

    fn add_if_it_fits(&self, more: u64) -> Result<(), Refusal> {
        let max = self.bytes_max();
        let add = |used: u64| used.checked_add(more).filter(|&sum| sum <= max);
        match self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add) {
            Ok(_) => Ok(()),
            Err(_) => Err(self.used_up()),
        }
    }
}

// === impl Charge ===

impl Charge {
    /// The request now needs so many bytes; what it was charged before counts towards them.
    ///
    /// # Errors
    /// Overload if they are not there now, too large if they never will be.
    pub fn grow_to(&self, bytes: u64) -> Result<(), Refusal> {
        let Some(held) = &self.0 else { return Ok(()) };
        let more = bytes.saturating_sub(held.bytes.load(Ordering::Relaxed));
        if bytes > held.budget.bytes_max() {
            let message = format!(
                "the request needs more than the {} bytes that weir has for all",
                held.budget.bytes_max()
            );
            return Err(Refusal::permanent(Cause::TooLarge, message));
        }
        held.budget.add_if_it_fits(more)?;
        held.bytes.fetch_add(more, Ordering::Relaxed);
        Ok(())
    }

    /// The request holds exactly so many bytes now: what it was read into, compressed or as text, is gone.
    pub fn set(&self, bytes: u64) {
        let Some(held) = &self.0 else { return };
        held.budget.used.fetch_add(bytes, Ordering::Relaxed);
        let former = held.bytes.swap(bytes, Ordering::Relaxed);
        held.budget.used.fetch_sub(former, Ordering::Relaxed);
    }

    /// A charge for other bytes that are made of these. It is not refused.
    pub fn beside(&self, bytes: u64) -> Charge {
        Charge(self.0.as_ref().map(|held| {
            held.budget.used.fetch_add(bytes, Ordering::Relaxed);
            Arc::new(Held { budget: Arc::clone(&held.budget), bytes: AtomicU64::new(bytes) })
        }))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.budget.used.fetch_sub(*self.bytes.get_mut(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_charged_as_they_come_and_given_back_with_the_last_clone() {
        let budget = Budget::new(10);
        let first = budget.open().unwrap();
        let second = budget.open().unwrap();
        first.grow_to(4).unwrap();
        first.grow_to(8).unwrap();
        let refusal = second.grow_to(3).unwrap_err();
        assert_eq!(
            (refusal.cause, refusal.retryable),
            (Cause::Overload, true),
            "eight and three are above ten"
        );
        second.grow_to(2).unwrap();
        assert!(budget.open().is_err(), "not a byte is left");
        let clone = first.clone();
        drop(first);
        assert_eq!(budget.used(), 10);
        drop(clone);
        assert_eq!(budget.used(), 2);
    }

    #[test]
    fn a_request_that_will_never_fit_is_too_large_and_not_to_be_repeated() {
        let budget = Budget::new(10);
        let refusal = budget.open().unwrap().grow_to(11).unwrap_err();
        assert_eq!((refusal.cause, refusal.retryable), (Cause::TooLarge, false));
    }

    #[test]
    fn what_has_to_be_made_is_charged_past_the_end_and_missing_for_the_next() {
        let budget = Budget::new(10);
        let charge = budget.open().unwrap();
        charge.grow_to(8).unwrap();
        let merged = charge.beside(5);
        assert_eq!(budget.used(), 13);
        charge.set(1);
        assert_eq!(budget.used(), 6);
        drop((charge, merged));
        assert_eq!(budget.used(), 0);
    }

    #[test]
    fn a_smaller_budget_refuses_until_enough_was_given_back() {
        let budget = Budget::new(10);
        let held = budget.open().unwrap();
        held.grow_to(8).unwrap();
        budget.resize(5);
        assert!(budget.open().is_err());
        drop(held);
        assert!(budget.open().is_ok());
    }

    #[test]
    fn a_charge_to_nobody_takes_everything() {
        let charge = Charge::default();
        charge.grow_to(u64::MAX).unwrap();
        charge.set(7);
        drop(charge.beside(9));
    }
}
