//! HTTP/2 frame by frame, for clients that no library can play: slow, deaf, or greedy.

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Kinds of frames (RFC 9113, section 6).
pub const DATA: u8 = 0;
/// See [`DATA`].
pub const HEADERS: u8 = 1;
/// See [`DATA`].
pub const RST_STREAM: u8 = 3;
/// See [`DATA`].
pub const SETTINGS: u8 = 4;
/// See [`DATA`].
pub const PING: u8 = 6;
/// See [`DATA`].
pub const GOAWAY: u8 = 7;

/// On DATA and HEADERS: nothing follows.
pub const END_STREAM: u8 = 1;
/// On SETTINGS and PING: an answer.
pub const ACK: u8 = 1;
/// On HEADERS: the fields are complete.
pub const END_HEADERS: u8 = 4;

/// SETTINGS_MAX_CONCURRENT_STREAMS.
pub const MAX_CONCURRENT_STREAMS: u16 = 3;
/// SETTINGS_INITIAL_WINDOW_SIZE.
pub const INITIAL_WINDOW_SIZE: u16 = 4;

/// One frame.
#[derive(Clone, Debug)]
pub struct Frame {
    /// Its kind.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream, 0 for the connection.
    pub stream: u32,
    /// What is in it.
    pub payload: Bytes,
}

/// One connection, on which nothing happens by itself: no acknowledgement, no answer to a ping, no window update.
pub struct RawH2 {
    stream: TcpStream,
    arrived: BytesMut,
}

impl RawH2 {
    /// Connects, and sends the preface with these settings.
    pub async fn connect(port: u16, settings: &[(u16, u32)]) -> RawH2 {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the port listens");
        stream.set_nodelay(true).expect("a socket");
        let mut connection = RawH2 { stream, arrived: BytesMut::new() };
        let mut payload = BytesMut::new();
        for (name, value) in settings {
            payload.put_u16(*name);
            payload.put_u32(*value);
        }
        connection.stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await.expect("it is read");
        assert!(connection.send(SETTINGS, 0, 0, &payload).await);
        connection
    }

    /// Sends a frame. Whether the other side still took it.
    pub async fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let mut frame = BytesMut::new();
        frame.put_uint(payload.len() as u64, 3);
        frame.put_u8(kind);
        frame.put_u8(flags);
        frame.put_u32(stream);
        frame.put_slice(payload);
        self.stream.write_all(&frame).await.is_ok()
    }

    /// Opens a stream with a POST, whose body may follow.
    pub async fn post(&mut self, stream: u32, path: &str, content_type: &str, flags: u8) -> bool {
        let mut block = BytesMut::new();
        let fields = [
            (":method", "POST"),
            (":scheme", "http"),
            (":path", path),
            (":authority", "localhost"),
            ("content-type", content_type),
            ("te", "trailers"),
        ];
        for (name, value) in fields {
            // A literal without indexing, with a new name (RFC 7541, section 6.2.2); none is longer than 126 bytes.
            block.put_u8(0);
            for text in [name, value] {
                block.put_u8(u8::try_from(text.len()).expect("a short text"));
                block.put_slice(text.as_bytes());
            }
        }
        self.send(HEADERS, END_HEADERS | flags, stream, &block).await
    }

    /// The next frame; `None` once the other side has closed.
    pub async fn next(&mut self) -> Option<Frame> {
        while self.arrived.len() < 9 || self.arrived.len() < 9 + self.length() {
            if self.stream.read_buf(&mut self.arrived).await.ok()? == 0 {
                return None;
            }
        }
        let length = self.length();
        self.arrived.advance(3);
        let (kind, flags) = (self.arrived.get_u8(), self.arrived.get_u8());
        let stream = self.arrived.get_u32();
        Some(Frame { kind, flags, stream, payload: self.arrived.split_to(length).freeze() })
    }

    /// The next frame of this kind, on any stream; `None` once the other side has closed.
    pub async fn next_of(&mut self, kind: u8) -> Option<Frame> {
        loop {
            let frame = self.next().await?;
            if frame.kind == kind {
                return Some(frame);
            }
        }
    }

    fn length(&self) -> usize {
        self.arrived.iter().take(3).fold(0, |length, byte| length << 8 | usize::from(*byte))
    }
}

impl Frame {
    /// The value of a setting in a SETTINGS frame.
    pub fn setting(&self, name: u16) -> Option<u32> {
        self.payload.chunks_exact(6).find_map(|pair| {
            let (mut number, mut value) = (&pair[..2], &pair[2..]);
            (number.get_u16() == name).then(|| value.get_u32())
        })
    }
}
