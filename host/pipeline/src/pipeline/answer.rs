//! What a sender is told, out of what several exporters and pipelines have to say.

use crate::{Exported, Refusal};

/// What a sender is told.
pub(super) type Answer = Result<Exported, Refusal>;

/// One answer out of those of several exporters: any failure is told, a retryable one first.
pub(super) fn of_all(answers: Vec<Answer>) -> Answer {
    let mut exported = Exported::default();
    let mut told: Option<Refusal> = None;
    let mut retry_after = None;
    for answer in answers {
        match answer {
            Ok(Exported { rejected, message }) => {
                exported = larger(exported, Exported { rejected, message });
            }
            Err(refusal) => {
                retry_after = retry_after.max(refusal.retry_after);
                if told.as_ref().is_none_or(|told| refusal.retryable && !told.retryable) {
                    told = Some(refusal);
                }
            }
        }
    }
    match told {
        None => Ok(exported),
        Some(told) if told.retryable => Err(Refusal { retry_after, ..told }),
        Some(told) => Err(told),
    }
}

/// The larger of two losses of the same items, with what is said about them.
pub(super) fn larger(one: Exported, other: Exported) -> Exported {
    Exported { rejected: one.rejected.max(other.rejected), message: one.message.or(other.message) }
}

/// Two losses of different items.
pub(super) fn sum(one: Exported, other: Exported) -> Exported {
    Exported {
        rejected: one.rejected.saturating_add(other.rejected),
        message: match (one.message, other.message) {
            (Some(one), Some(other)) => Some(format!("{one}; {other}")),
            (one, other) => one.or(other),
        },
    }
}
