//! How long a connection may do what. A peer that is slow, silent or deaf holds a place among the connections, and no
//! longer than this.

use std::time::Duration;

use super::activity::{Activity, Look};

/// A request's head, from its first byte on. The Collector's minute is more than an application in the same pod can need.
const HEAD: Duration = Duration::from_secs(30);

/// A connection without a request. The Collector's `idle_timeout` of HTTP.
const IDLE: Duration = Duration::from_secs(60);

/// An answer to be taken by the peer. The Collector's `write_timeout` of HTTP.
const ANSWER: Duration = Duration::from_secs(30);

/// What is under way when a connection is told to end. A body has a minute to arrive, and an answer half of one to be taken.
const GRACE: Duration = Duration::from_secs(120);

/// By how much the age of a connection varies, as in gRPC, so that those that were opened together do not end together.
const AGE_JITTER: f64 = 0.1;

/// The bounds of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// A request's head on HTTP/1, the preface on HTTP/2.
    pub head: Duration,
    /// A connection without a request, if it has to end then.
    pub idle: Option<Duration>,
    /// Any connection, if it has to end then.
    pub age: Option<Duration>,
    /// What is still under way when a connection ends because it is idle or old.
    pub grace: Duration,
    /// An answer to be taken by the peer, and any write to go on.
    pub answer: Duration,
}

/// What is to become of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on. If nothing changes, it is to be judged again after this time.
    GoesOn(Option<Duration>),
    /// It may finish what is under way.
    Ends(&'static str),
    /// It is cut.
    IsCut(&'static str),
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds { head: HEAD, idle: Some(IDLE), age: None, grace: GRACE, answer: ANSWER }
    }
}

impl Bounds {
    /// The age of one connection.
    pub(super) fn own_age(&self) -> Option<Duration> {
        let factor = 1.0 + AGE_JITTER * (2.0 * rand::random::<f64>() - 1.0);
        // A duration that does not fit is as good as none.
        self.age.and_then(|age| Duration::try_from_secs_f64(age.as_secs_f64() * factor).ok())
    }

    /// Judges a connection that has been open for `open`, is to end at `age`, and was told to end `told` ago.
    pub(super) fn judge(
        &self,
        activity: &Activity,
        open: Duration,
        age: Option<Duration>,
        told: Option<Duration>,
    ) -> Verdict {
        let Look { quiet, stuck, head } = activity.look();
        let mut next = Next::default();
        if next.is_over(stuck, Some(self.answer)) {
            return Verdict::IsCut("it did not take its answers in time");
        }
        if next.is_over(head, Some(self.head)) {
            return Verdict::IsCut("the head of a request took too long to arrive");
        }
        if told.is_some() {
            return match next.is_over(told, Some(self.grace)) {
                true => Verdict::IsCut("it did not end in time"),
                false => Verdict::GoesOn(next.0),
            };
        }
        if next.is_over(quiet.filter(|_| head.is_none()), self.idle) {
            return Verdict::Ends("it was idle");
        }
        if next.is_over(Some(open), age) {
            return Verdict::Ends("it has reached its age");
        }
        if quiet.is_none() {
            // Nobody tells when a request ends: to be looked at again then, and not for each request.
            next.is_over(Some(Duration::ZERO), Some(self.answer.min(self.idle.unwrap_or(self.answer))));
        }
        Verdict::GoesOn(next.0)
    }
}

/// The time until the next bound is reached.
#[derive(Default)]
struct Next(Option<Duration>);

impl Next {
    /// Whether something that has lasted for `lasted` has reached its bound. If not, the time until then is noted.
    fn is_over(&mut self, lasted: Option<Duration>, bound: Option<Duration>) -> bool {
        let (Some(lasted), Some(bound)) = (lasted, bound) else { return false };
        match bound.checked_sub(lasted).filter(|left| !left.is_zero()) {
            None => true,
            Some(left) => {
                self.0 = Some(self.0.map_or(left, |next| next.min(left)));
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(1_000);
    const NOW: Duration = Duration::ZERO;

    fn bounds() -> Bounds {
        Bounds { head: LONG, idle: None, age: None, grace: LONG, answer: LONG }
    }

    #[test]
    fn a_connection_ends_when_it_is_idle_or_old_and_is_cut_when_it_does_not_end() {
        let activity = Activity::new();
        assert_eq!(
            bounds().judge(&activity, LONG, None, None),
            Verdict::GoesOn(None),
            "no timer for no bound"
        );
        let idle = Bounds { idle: Some(NOW), ..bounds() };
        assert_eq!(idle.judge(&activity, LONG, None, None), Verdict::Ends("it was idle"));
        let old = bounds().judge(&activity, LONG, Some(LONG), None);
        assert_eq!(old, Verdict::Ends("it has reached its age"));
        assert_eq!(idle.judge(&activity, LONG, None, Some(NOW)), Verdict::GoesOn(Some(LONG)));
        let told = idle.judge(&activity, LONG, None, Some(LONG));
        assert_eq!(told, Verdict::IsCut("it did not end in time"));
    }

    #[test]
    fn a_head_that_dribbles_is_cut_whether_or_not_the_connection_is_idle() {
        let activity = Activity::new();
        activity.heard();
        let cut = Verdict::IsCut("the head of a request took too long to arrive");
        assert_eq!(Bounds { head: NOW, ..bounds() }.judge(&activity, NOW, None, None), cut);
        let idle = Bounds { idle: Some(NOW), ..bounds() };
        assert!(matches!(idle.judge(&activity, NOW, None, None), Verdict::GoesOn(Some(_))));
    }

    #[test]
    fn ages_differ_by_a_tenth() {
        let bounds = Bounds { age: Some(Duration::from_secs(100)), ..bounds() };
        for _ in 0..100 {
            let age = bounds.own_age().unwrap().as_secs_f64();
            assert!((90.0..=110.0).contains(&age), "{age}");
        }
        let endless = Bounds { age: Some(Duration::MAX), ..bounds };
        assert!(endless.own_age().is_none_or(|age| age > LONG));
    }
}
