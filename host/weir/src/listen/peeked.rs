//! A stream of which the beginning has been looked at: it is read once more by whoever comes next.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What an HTTP/2 connection begins with.
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A stream and its beginning.
pub(super) struct Peeked<S> {
    stream: S,
    beginning: [u8; PREFACE.len()],
    len: usize,
    /// How much of the beginning has been read once more.
    read: usize,
}

/// What a connection begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beginning {
    /// The whole preface of HTTP/2.
    Http2,
    /// Anything else.
    Other,
    /// Nothing more will come.
    End,
}

impl<S: AsyncRead + Unpin> Peeked<S> {
    pub(super) fn new(stream: S) -> Self {
        Peeked { stream, beginning: [0; PREFACE.len()], len: 0, read: 0 }
    }

    /// Waits for the first byte. Whether there is one. May be dropped and called again.
    pub(super) async fn speaks(&mut self) -> bool {
        self.len > 0 || self.more().await > 0
    }

    /// Waits until it is clear whether this is HTTP/2. May be dropped and called again.
    pub(super) async fn beginning(&mut self) -> Beginning {
        loop {
            let seen = self.beginning.get(..self.len).unwrap_or_default();
            if !PREFACE.starts_with(seen) {
                return Beginning::Other;
            }
            if seen.len() == PREFACE.len() {
                return Beginning::Http2;
            }
            if self.more().await == 0 {
                return Beginning::End;
            }
        }
    }

    async fn more(&mut self) -> usize {
        let rest = self.beginning.get_mut(self.len..).unwrap_or_default();
        let read = self.stream.read(rest).await.unwrap_or(0);
        self.len += read;
        read
    }

    /// The same beginning in front of what `with` makes of the stream.
    pub(super) fn map<T>(self, with: impl FnOnce(S) -> T) -> Peeked<T> {
        let Peeked { stream, beginning, len, read } = self;
        Peeked { stream: with(stream), beginning, len, read }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Peeked<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let left = self.beginning.get(self.read..self.len).unwrap_or_default();
        if left.is_empty() {
            return Pin::new(&mut self.stream).poll_read(cx, buffer);
        }
        let count = left.len().min(buffer.remaining());
        buffer.put_slice(left.get(..count).unwrap_or_default());
        self.read += count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Peeked<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn beginning_of(bytes: &[u8]) -> (Beginning, Vec<u8>) {
        let mut peeked = Peeked::new(bytes);
        assert_eq!(peeked.speaks().await, !bytes.is_empty());
        let beginning = peeked.beginning().await;
        let mut all = Vec::new();
        peeked.read_to_end(&mut all).await.unwrap();
        (beginning, all)
    }

    #[tokio::test]
    async fn what_was_looked_at_is_read_once_more() {
        let long = [PREFACE.as_slice(), b"and more"].concat();
        for (bytes, expected) in [
            (long.as_slice(), Beginning::Http2),
            (b"POST /v1/logs HTTP/1.1\r\n\r\n".as_slice(), Beginning::Other),
            (b"PRI * HTTP/1.1\r\n\r\n and more than the preface".as_slice(), Beginning::Other),
            (b"PRI * HT".as_slice(), Beginning::End),
            (b"".as_slice(), Beginning::End),
        ] {
            assert_eq!(beginning_of(bytes).await, (expected, bytes.to_vec()));
        }
    }
}
