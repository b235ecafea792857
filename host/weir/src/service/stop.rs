//! The signals that stop weir.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGTERM and SIGINT. SIGHUP, on which others read their configuration again, does not end weir either.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// From here on the signals no longer end the process by themselves.
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Signals {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// The next one that means stop.
    pub(super) async fn wait(&mut self) {
        loop {
            tokio::select! {
                _ = self.terminate.recv() => return,
                _ = self.interrupt.recv() => return,
                _ = self.hangup.recv() => {
                    tracing::warn!("SIGHUP: plugins reload by themselves, the configuration file only by a restart");
                }
            }
        }
    }
}
