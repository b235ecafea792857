//! What the pushes of one batch come to as a whole: those to `loki`, a tenant each, and those of `prometheusremotewrite`.

use weir_pipeline::{ExportError, Exported};

/// The pushes so far.
#[derive(Default)]
pub(super) struct Tally {
    taken: u64,
    rejected: u64,
    rejection: Option<ExportError>,
    failure: Option<ExportError>,
}

impl Tally {
    /// One more.
    pub(super) fn add(&mut self, items: u64, outcome: Result<(), ExportError>) {
        match outcome {
            Ok(()) => self.taken += items,
            Err(error) if error.retryable => {
                let former = self.failure.take();
                let retry_after =
                    former.as_ref().and_then(|former| former.retry_after).max(error.retry_after);
                self.failure = Some(ExportError { retry_after, ..former.unwrap_or(error) });
            }
            Err(error) => {
                self.rejected += items;
                self.rejection = self.rejection.take().or(Some(error));
            }
        }
    }

    /// If any push may be tried again, all of them are: Loki knows the entries that it has, of the same time and text in the same
    /// stream, and Prometheus the samples of the same time and value. What was rejected of a batch is lost, and what was taken beside it is not to be sent again.
    pub(super) fn outcome(self) -> Result<Exported, ExportError> {
        let Tally { taken, rejected, rejection, failure } = self;
        match (failure, rejection) {
            (Some(failure), _) => Err(failure),
            (None, Some(rejection)) if taken == 0 => Err(rejection),
            (None, Some(ExportError { message, upstream_said, .. })) => {
                let said = upstream_said.map(|said| format!(": {said}")).unwrap_or_default();
                Ok(Exported { rejected, message: Some(format!("{message}{said}")) })
            }
            (None, None) => Ok(Exported::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_may_be_tried_again_comes_first_and_what_was_taken_makes_a_rejection_partial() {
        let patient = |seconds: u64| ExportError {
            retry_after: Some(Duration::from_secs(seconds)),
            ..ExportError::retryable(14, format!("busy {seconds}"))
        };
        let told = |outcomes: Vec<Result<(), ExportError>>| {
            let mut tally = Tally::default();
            outcomes.into_iter().for_each(|outcome| tally.add(2, outcome));
            tally.outcome()
        };
        let bad = || {
            let upstream_said = Some("too old".to_owned());
            Err(ExportError { upstream_said, ..ExportError::permanent(3, "HTTP 400") })
        };
        assert_eq!(told(vec![]), Ok(Exported::default()));
        assert_eq!(told(vec![Ok(()), Ok(())]), Ok(Exported::default()));
        let partial = Exported { rejected: 4, message: Some("HTTP 400: too old".to_owned()) };
        assert_eq!(told(vec![bad(), Ok(()), bad()]), Ok(partial));
        assert_eq!(told(vec![bad(), bad()]).unwrap_err().code, 3);
        let failure =
            told(vec![Ok(()), Err(patient(2)), bad(), Err(patient(7)), Err(patient(3))]).unwrap_err();
        assert_eq!((failure.message.as_str(), failure.retry_after), ("busy 2", Some(Duration::from_secs(7))));
    }
}
