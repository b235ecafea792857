//! The end of the line: counts messages and bytes and answers OK.

use std::io::{self, BufRead, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tokio::net::TcpListener;

use crate::grpc::{Answering, serve};

/// Serves for ever. Each line on stdin is answered by a line on stdout: messages and bytes so far.
pub async fn sink(listen: &str) -> io::Result<()> {
    let counts: Arc<[AtomicU64; 2]> = Arc::default();
    let shown = Arc::clone(&counts);
    std::thread::spawn(move || report(&shown));
    let listener = TcpListener::bind(listen).await?;
    serve(listener, Arc::new(move |_, message| count(&counts, &message))).await
}

fn count(counts: &[AtomicU64; 2], message: &Bytes) -> Answering {
    counts[0].fetch_add(1, Ordering::Relaxed);
    counts[1].fetch_add(message.len() as u64, Ordering::Relaxed);
    Box::pin(async { Ok(Bytes::new()) })
}

fn report(counts: &[AtomicU64; 2]) {
    let mut out = io::stdout();
    for _ in io::stdin().lock().lines().map_while(Result::ok) {
        let [messages, bytes] = counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        // A driver that went away needs no figures.
        let _ = writeln!(out, "{messages} {bytes}").and_then(|()| out.flush());
    }
}
