//! The run itself: start everything, load each process in turn, several times over.

use std::io;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::corpus::Corpus;
use super::cpu::cpu_nanos;
use super::load::{Load, drive};
use super::variant::Variant;
use crate::Signal;
use crate::grpc::RawClient;
use crate::ports::free_port;
use crate::weir::{Launch, Weir};

/// How long and how often.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// What is measured; the relay has to be the first.
    pub variants: &'static [Variant],
    /// How often each process is loaded per cell of the table; the figures are medians over these.
    pub rounds: usize,
    /// How long each load lasts.
    pub time: Duration,
    /// The core of the process under test; generator and sink run on another.
    pub core: usize,
}

/// One load of one process.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    /// CPU time of the process under test, in nanoseconds per acknowledged item.
    pub nanos_per_item: f64,
    /// Items a second that were acknowledged.
    pub rate: f64,
    /// Bytes that reached the sink per item sent.
    pub bytes_out: f64,
    /// Requests answered with an error.
    pub errors: u64,
}

/// All loads of one signal and size.
pub struct Cell {
    /// Which signal.
    pub signal: Signal,
    /// Items in each request.
    pub items: u64,
    /// Bytes per item at the sender.
    pub bytes_in: f64,
    /// For each variant, in the order of [`Variant::ALL`], one figure per round.
    pub rounds: Vec<(Variant, Vec<Measured>)>,
}

/// The sizes that are measured, with the rate at which each is sent.
const SIZES: [(u64, Load); 2] = [
    (1_000, Load { rate: 100_000, in_flight: 8 }),
    // At ten items a request the cost is per request: two thousand of them a second.
    (10, Load { rate: 20_000, in_flight: 32 }),
];

/// Starts the sink, the relay and every variant of weir, and measures all cells of the table.
pub async fn run(plan: Plan, scratch: &Path) -> io::Result<Vec<Cell>> {
    let mut sink = Sink::start().await?;
    let mut subjects = Vec::new();
    for variant in plan.variants {
        let subject = match variant {
            Variant::Relay => Subject::relay(&sink.address, plan.core).await?,
            variant => Subject::weir(variant.launch(&sink.address, plan.core, scratch)).await,
        };
        subjects.push((*variant, subject));
    }
    let mut cells = Vec::new();
    for (items, load) in SIZES {
        for signal in [Signal::Logs, Signal::Traces] {
            let corpus = Corpus::new(signal, items);
            eprintln!("measuring {} at {items} items a request", signal.name());
            cells.push(measure(plan, load, &corpus, &subjects, &mut sink).await?);
        }
    }
    Ok(cells)
}

async fn measure(
    plan: Plan,
    load: Load,
    corpus: &Corpus,
    subjects: &[(Variant, Subject)],
    sink: &mut Sink,
) -> io::Result<Cell> {
    let mut rounds: Vec<_> = subjects.iter().map(|(variant, _)| (*variant, Vec::new())).collect();
    for _ in 0..plan.rounds {
        for ((_, subject), (_, figures)) in subjects.iter().zip(&mut rounds) {
            // A short load first: threads, buffers and instances are those of a busy process.
            drive(&subject.client, corpus, load, plan.time / 6).await;
            let bytes_before = sink.bytes().await?;
            let cpu_before = cpu_nanos(subject.pid)?;
            let outcome = drive(&subject.client, corpus, load, plan.time).await;
            let cpu = cpu_nanos(subject.pid)? - cpu_before;
            let items = outcome.items.max(1) as f64;
            figures.push(Measured {
                nanos_per_item: cpu as f64 / items,
                rate: outcome.rate,
                bytes_out: (sink.bytes().await? - bytes_before) as f64 / items,
                errors: outcome.errors,
            });
        }
    }
    Ok(Cell { signal: corpus.signal, items: corpus.items, bytes_in: corpus.bytes_per_item(), rounds })
}

/// A process under test with a client for it.
pub(super) struct Subject {
    pub(super) pid: u32,
    pub(super) client: RawClient,
    /// Kept because dropping it ends the process.
    _process: Process,
}

enum Process {
    Relay(#[expect(dead_code, reason = "held so that it is killed on drop")] Child),
    Weir(#[expect(dead_code, reason = "held so that it is killed on drop")] Weir),
}

impl Subject {
    /// The relay in front of this upstream.
    pub(super) async fn relay(upstream: &str, core: usize) -> io::Result<Subject> {
        let listen = format!("127.0.0.1:{}", free_port());
        let arguments = ["relay", "--listen", &listen, "--upstream", upstream];
        let child = Command::new("taskset")
            .args(["-c", &core.to_string()])
            .arg(std::env::current_exe()?)
            .args(arguments)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child.id().ok_or_else(|| io::Error::other("the relay ended at once"))?;
        listening(&listen).await?;
        let client = RawClient::new(&listen);
        Ok(Subject { pid, client, _process: Process::Relay(child) })
    }

    /// A weir.
    pub(super) async fn weir(launch: Launch) -> Subject {
        let weir = launch.start().await;
        let client = RawClient::new(&format!("127.0.0.1:{}", weir.ports.grpc));
        Subject { pid: weir.pid(), client, _process: Process::Weir(weir) }
    }
}

/// The sink process and the pipe through which it tells its counts.
pub struct Sink {
    /// Where it listens.
    pub address: String,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Sink {
    /// Starts one beside the generator.
    pub async fn start() -> io::Result<Sink> {
        let address = format!("127.0.0.1:{}", free_port());
        let mut child = Command::new(std::env::current_exe()?)
            .args(["sink", "--listen", &address])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let input = child.stdin.take().ok_or_else(|| io::Error::other("no pipe to the sink"))?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no pipe from the sink"))?;
        listening(&address).await?;
        Ok(Sink { address, input, output: BufReader::new(output).lines(), _child: child })
    }

    /// Bytes of all messages so far.
    async fn bytes(&mut self) -> io::Result<u64> {
        self.input.write_all(b"\n").await?;
        let line = self.output.next_line().await?.unwrap_or_default();
        let bytes = line.split(' ').nth(1).and_then(|bytes| bytes.parse().ok());
        bytes.ok_or_else(|| io::Error::other("the sink ended"))
    }
}

async fn listening(address: &str) -> io::Result<()> {
    for _ in 0..500 {
        if tokio::net::TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err(io::Error::other(format!("nobody listens on {address} after five seconds")))
}
