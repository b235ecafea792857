//! What a weir of a test has to show for itself at the end: see [`Accounts`](crate::accounts::Accounts).

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Weir;
use crate::accounts::Look;
use crate::metrics::Metrics;
use crate::{http, wait};

/// Between two looks at the accounts.
const STEP: Duration = Duration::from_millis(10);

impl Weir {
    /// Waits until nothing is queued and the accounts balance. For a test that goes on to end it; every other one does so by dropping this.
    pub async fn settle(&self) {
        let accounts = self.accounts.lock().expect("no reader panics").clone();
        let end = Instant::now() + wait::PATIENCE;
        loop {
            let metrics = self.metrics().await;
            let mut wrong = accounts.imbalances(&metrics);
            let queued = metrics.sum("weir_exporter_queue_items", &[]);
            if queued > 0.0 {
                wrong.push(format!("{queued} items are queued"));
            }
            if wrong.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "the accounts do not balance: {}", wrong.join("\n"));
            tokio::time::sleep(STEP).await;
        }
    }

    /// One look for the accounts, without a runtime: a value that is dropped cannot wait.
    fn look(&mut self, addresses: &[String]) -> Look {
        if let Ok(Some(status)) = self.child.try_wait() {
            return Look::Gone(format!("weir ended by itself, with {status}"));
        }
        match addresses.iter().find_map(|address| http::get_blocking(address, "/metrics")) {
            Some(text) => Look::Metrics(Metrics::parse(&text)),
            None => Look::Silence,
        }
    }
}

impl Drop for Weir {
    fn drop(&mut self) {
        let mut outcome = Ok(());
        if !std::thread::panicking() && !self.is_told_to_end.load(Ordering::Relaxed) {
            let accounts = self.accounts.lock().expect("no reader panics").clone();
            let addresses = accounts.metrics_addresses();
            if !addresses.is_empty() {
                outcome = accounts.settled(|| self.look(&addresses));
            }
        }
        if std::thread::panicking() || outcome.is_err() {
            // Shown by the test runner beside the failed assertion.
            eprintln!("--- stderr of weir ---\n{}", self.stderr());
        }
        if let Err(reason) = outcome {
            panic!("the accounts of weir do not balance: {reason}");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::sync::Mutex;

    use serde_json::json;
    use tokio::process::Command;

    use super::*;
    use crate::accounts::Accounts;
    use crate::{Launch, Ports};

    /// Another program in the place of weir, with metrics of its own.
    async fn impostor(command: Command, metrics: &'static str) -> Weir {
        let ports = Ports::pick();
        let listener = std::net::TcpListener::bind(("127.0.0.1", ports.metrics)).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, mut request) = (stream.unwrap(), [0; 1024]);
                let answer = format!("HTTP/1.0 200 OK\r\n\r\n{metrics}");
                let _ = stream.read(&mut request).and_then(|_| stream.write_all(answer.as_bytes()));
            }
        });
        let config = Launch::on(ports).exporter("nop", json!({})).config;
        let mut weir = Weir::watch(command, ports, &config, tempfile::tempdir().unwrap());
        weir.accounts = Mutex::new(Accounts::of(&config).within(Duration::from_secs(1)));
        weir
    }

    #[tokio::test]
    #[should_panic(expected = "traces of nop: 3 accepted + 0 recovered is not 2 sent")]
    async fn a_test_fails_when_an_item_of_its_weir_has_no_fate() {
        let mut command = Command::new("sleep");
        command.arg("60");
        let metrics = "otelcol_receiver_accepted_spans_total{receiver=\"otlp\"} 3
otelcol_exporter_sent_spans_total{exporter=\"nop\"} 2
";
        drop(impostor(command, metrics).await);
    }

    #[tokio::test]
    #[should_panic(expected = "weir ended by itself")]
    async fn a_test_fails_when_its_weir_has_ended_by_itself() {
        let weir = impostor(Command::new("true"), "").await;
        wait::until("it has ended", async || (!weir.is_running()).then_some(())).await;
    }
}
