//! A gRPC upstream that writes its HTTP/2 frames by hand, for what no server library would send.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::raw_h2 as frame;

const PREFACE_BYTES: usize = 24;

/// How a request is answered.
#[derive(Clone, Copy, Debug)]
pub enum Frames {
    /// With success.
    Ok,
    /// GOAWAY with this error code, which says that the request was not looked at; then the connection is closed.
    GoawayBefore(u32),
    /// GOAWAY with this error code, which leaves open what became of the request; then the connection is closed.
    GoawayAfter(u32),
    /// RST_STREAM with this error code.
    ResetStream(u32),
}

#[derive(Default)]
struct State {
    script: VecDeque<Frames>,
    requests: usize,
    pings: usize,
}

/// See the module. It stops listening when it is dropped.
pub struct FramedUpstream {
    port: u16,
    state: Arc<Mutex<State>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl FramedUpstream {
    /// One that answers as the script says, and then with success.
    pub async fn start(script: impl IntoIterator<Item = Frames>) -> FramedUpstream {
        let port = crate::ports::free_port();
        let listener = TcpListener::bind(("127.0.0.1", port)).await.expect("the port is free");
        let state = State { script: script.into_iter().collect(), ..State::default() };
        let state = Arc::new(Mutex::new(state));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                while connections.try_join_next().is_some() {}
                connections.spawn(connection(stream, Arc::clone(&shared)));
            }
        });
        FramedUpstream { port, state, accepting }
    }

    /// `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How many requests have arrived whole.
    pub fn requests(&self) -> usize {
        self.state.lock().expect("no connection panics").requests
    }

    /// How many PING frames have arrived.
    pub fn pings(&self) -> usize {
        self.state.lock().expect("no connection panics").pings
    }
}

impl Drop for FramedUpstream {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn connection(mut stream: TcpStream, state: Arc<Mutex<State>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    stream.read_exact(&mut [0; PREFACE_BYTES]).await?;
    write(&mut stream, frame::SETTINGS, 0, 0, &[]).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, flags, id @ ..] = head;
        let mut payload = vec![0; u32::from_be_bytes([0, a, b, c]) as usize];
        stream.read_exact(&mut payload).await?;
        let id = u32::from_be_bytes(id);
        match kind {
            frame::SETTINGS if flags & frame::ACK == 0 => {
                write(&mut stream, frame::SETTINGS, frame::ACK, 0, &[]).await?;
            }
            frame::PING if flags & frame::ACK == 0 => {
                state.lock().expect("no connection panics").pings += 1;
                write(&mut stream, frame::PING, frame::ACK, 0, &payload).await?;
            }
            _ => {}
        }
        if matches!(kind, frame::DATA | frame::HEADERS) && flags & frame::END_STREAM != 0 {
            let answer = {
                let mut state = state.lock().expect("no connection panics");
                state.requests += 1;
                state.script.pop_front().unwrap_or(Frames::Ok)
            };
            if !answer_with(answer, &mut stream, id).await? {
                return Ok(());
            }
        }
    }
}

/// Whether the connection goes on.
async fn answer_with(answer: Frames, stream: &mut TcpStream, id: u32) -> io::Result<bool> {
    match answer {
        Frames::Ok => {
            // `:status: 200` from the static table, then two literals that are not indexed.
            let mut block = vec![0x88];
            for (name, value) in [("content-type", "application/grpc"), ("grpc-status", "0")] {
                block.push(0);
                for text in [name, value] {
                    block.push(text.len() as u8);
                    block.extend_from_slice(text.as_bytes());
                }
            }
            write(stream, frame::HEADERS, frame::END_HEADERS | frame::END_STREAM, id, &block).await?;
        }
        Frames::ResetStream(code) => {
            write(stream, frame::RST_STREAM, 0, id, &code.to_be_bytes()).await?;
        }
        Frames::GoawayBefore(code) | Frames::GoawayAfter(code) => {
            let last = if matches!(answer, Frames::GoawayAfter(_)) { id } else { 0 };
            let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
            write(stream, frame::GOAWAY, 0, 0, &payload).await?;
            stream.shutdown().await?;
            return Ok(false);
        }
    }
    Ok(true)
}

async fn write(stream: &mut TcpStream, kind: u8, flags: u8, id: u32, payload: &[u8]) -> io::Result<()> {
    let [_, a, b, c] = u32::try_from(payload.len()).expect("a short frame").to_be_bytes();
    let mut frame = vec![a, b, c, kind, flags];
    frame.extend_from_slice(&id.to_be_bytes());
    frame.extend_from_slice(payload);
    stream.write_all(&frame).await
}
