//! Gathers a request's body: bounded in bytes and in time, and without a copy where it comes in one piece.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use hyper::body::Body;
use weir_pipeline::{Cause, Charge, Refusal};

/// The most that is allocated on the word of the sender alone. Beyond that, memory follows what has arrived.
const TRUSTED_BYTES: usize = 1 << 20;

/// The bounds of one body.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    pub(super) bytes_max: u64,
    pub(super) timeout: Duration,
}

/// Reads the body to its end. `announced` says how long it will be, as soon as what has arrived tells: it is charged then.
///
/// # Errors
/// Malformed if the sender breaks off or is too slow, too large as soon as that is known, overload if the budget
/// for bytes is used up.
pub(super) async fn gather<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    limits: BodyLimits,
    charge: &Charge,
    announced: impl Fn(&[u8]) -> Option<u64>,
) -> Result<Bytes, Refusal> {
    match tokio::time::timeout(limits.timeout, gather_untimed(body, limits.bytes_max, charge, announced))
        .await
    {
        Ok(gathered) => gathered,
        Err(_) => Err(Refusal::permanent(Cause::Malformed, "the request's body took too long to arrive")),
    }
}

async fn gather_untimed<B: Body<Data = Bytes> + Unpin>(
    body: &mut B,
    bytes_max: u64,
    charge: &Charge,
    announced: impl Fn(&[u8]) -> Option<u64>,
) -> Result<Bytes, Refusal> {
    // Before anything is read, if the head says how much it will be.
    check(0, announced(&[]), bytes_max, charge)?;
    let first = next_data(body).await?.unwrap_or_default();
    check(first.len() as u64, announced(&first), bytes_max, charge)?;
    let Some(second) = next_data(body).await? else {
        // The whole body in one piece, which nobody has to copy.
        return Ok(first);
    };
    let expected = announced(&first).and_then(|len| usize::try_from(len).ok()).unwrap_or_default();
    let mut gathered = BytesMut::with_capacity(expected.min(TRUSTED_BYTES).max(first.len() + second.len()));
    gathered.extend_from_slice(&first);
    drop(first);
    let mut next = Some(second);
    while let Some(data) = next {
        check((gathered.len() + data.len()) as u64, None, bytes_max, charge)?;
        gathered.extend_from_slice(&data);
        drop(data);
        check(gathered.len() as u64, announced(&gathered), bytes_max, charge)?;
        next = next_data(body).await?;
    }
    Ok(gathered.freeze())
}

/// Reads and forgets what is left of a body, within bounds: an HTTP/1 client that is still writing would not
/// see the answer if the connection were closed under it.
pub(super) async fn discard<B: Body<Data = Bytes> + Unpin>(body: &mut B, limits: BodyLimits) {
    let read = async {
        let mut left = limits.bytes_max;
        while let Ok(Some(data)) = next_data(body).await {
            left = left.saturating_sub(data.len() as u64);
            if left == 0 {
                return;
            }
        }
    };
    // Late or not, the answer is sent.
    let _ = tokio::time::timeout(limits.timeout, read).await;
}

fn check(arrived: u64, announced: Option<u64>, bytes_max: u64, charge: &Charge) -> Result<(), Refusal> {
    let expected = arrived.max(announced.unwrap_or_default());
    if expected > bytes_max {
        return Err(too_large(bytes_max));
    }
    charge.grow_to(expected)
}

/// Bytes that may be held for long: what was reserved beyond them while they grew would be held too, and charged to nobody.
pub(super) fn without_slack(bytes: Vec<u8>) -> Bytes {
    // A copy, since the allocator does not shrink a block by less than a half.
    match bytes.capacity() - bytes.len() > bytes.len() / 8 {
        true => Bytes::copy_from_slice(&bytes),
        false => Bytes::from(bytes),
    }
}

/// The refusal of a request that is over the size limit.
pub(super) fn too_large(bytes_max: u64) -> Refusal {
    Refusal::permanent(Cause::TooLarge, format!("the request is larger than {bytes_max} bytes"))
}

/// The next piece of the body that is not empty, `None` at its end. Trailers are passed over.
async fn next_data<B: Body<Data = Bytes> + Unpin>(body: &mut B) -> Result<Option<Bytes>, Refusal> {
    while let Some(frame) = body.frame().await {
        let Ok(frame) = frame else {
            return Err(Refusal::permanent(Cause::Malformed, "the request's body broke off"));
        };
        match frame.into_data() {
            Ok(data) if !data.is_empty() => return Ok(Some(data)),
            _ => {}
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::Frame;

    use weir_pipeline::Budget;

    use super::*;

    /// Hands out pieces and then ends, or then hangs.
    struct Pieces {
        pieces: VecDeque<Bytes>,
        hangs: bool,
    }

    impl Body for Pieces {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            match self.pieces.pop_front() {
                Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
                None if self.hangs => Poll::Pending,
                None => Poll::Ready(None),
            }
        }
    }

    fn pieces(sizes: &[usize], hangs: bool) -> Pieces {
        Pieces { pieces: sizes.iter().map(|&size| Bytes::from(vec![7; size])).collect(), hangs }
    }

    async fn gathered(mut body: Pieces, bytes_max: u64, budget: u64) -> Result<Bytes, Refusal> {
        let limits = BodyLimits { bytes_max, timeout: Duration::from_secs(60) };
        let charge = Budget::new(budget).open().unwrap();
        gather(&mut body, limits, &charge, |_| None).await
    }

    #[tokio::test]
    async fn a_body_in_one_piece_is_not_copied() {
        let body = pieces(&[100], false);
        let address = body.pieces[0].as_ptr();
        assert_eq!(gathered(body, 100, 100).await.unwrap().as_ptr(), address);
    }

    #[tokio::test]
    async fn pieces_come_out_as_one() {
        assert_eq!(gathered(pieces(&[1, 0, 2, 3], false), 6, 100).await.unwrap(), vec![7; 6]);
        assert_eq!(gathered(pieces(&[], false), 6, 100).await.unwrap(), Bytes::new());
    }

    #[tokio::test]
    async fn one_byte_too_many_is_too_large() {
        for sizes in [&[7][..], &[3, 4][..], &[3, 3, 1][..]] {
            let refusal = gathered(pieces(sizes, true), 6, 100).await.unwrap_err();
            assert_eq!((refusal.cause, refusal.retryable), (Cause::TooLarge, false), "{sizes:?}");
        }
    }

    #[tokio::test]
    async fn a_used_up_budget_is_overload() {
        let budget = Budget::new(10);
        let other = budget.open().unwrap();
        other.grow_to(4).unwrap();
        let limits = BodyLimits { bytes_max: 100, timeout: Duration::from_secs(60) };
        let charge = budget.open().unwrap();
        let refusal = gather(&mut pieces(&[3, 4], true), limits, &charge, |_| None).await.unwrap_err();
        assert_eq!((refusal.cause, refusal.retryable), (Cause::Overload, true));
    }

    #[tokio::test]
    async fn what_is_announced_is_charged_before_anything_is_read() {
        let budget = Budget::new(10);
        let limits = BodyLimits { bytes_max: 100, timeout: Duration::from_millis(10) };
        let charge = budget.open().unwrap();
        let slow = gather(&mut pieces(&[], true), limits, &charge, |_| Some(7)).await;
        assert_eq!((slow.unwrap_err().cause, budget.used()), (Cause::Malformed, 7));
    }

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let limits = BodyLimits { bytes_max: 100, timeout: Duration::from_millis(10) };
        let refusal =
            gather(&mut pieces(&[3], true), limits, &Charge::default(), |_| None).await.unwrap_err();
        assert_eq!(refusal.message, "the request's body took too long to arrive");
    }
}
