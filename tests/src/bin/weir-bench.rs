//! `weir-bench`: measures what weir costs per item, as a ratio to a relay that forwards each message unread.
//!
//!     weir-bench [--rounds N] [--seconds S] [--only floor|load|footprint|hostile|delivery|overload]
//!     weir-bench relay --listen ADDRESS --upstream ADDRESS
//!     weir-bench sink --listen ADDRESS
//!
//! The last two are the processes that the first one starts.

use std::process::{Command, ExitCode};
use std::time::Duration;

use weir_tests::bench::run::Plan;
use weir_tests::bench::variant::Variant;
use weir_tests::bench::{cpu, delivery, footprint, hostile, overload, relay, report, run, sink};

/// The allocator of weir, so that the relay is not slower for the want of it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Five minutes: the upstream is silent for more than one of them.
const OVERLOAD_SECONDS: &str = "300";

type Failure = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match start(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("weir-bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start(arguments: &[String]) -> Result<(), Failure> {
    let command = arguments.first().map(String::as_str);
    let option = |name: &str| -> Option<&str> {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let address = |name: &str| option(name).ok_or_else(|| format!("{name} ADDRESS is missing"));
    let runtime = || tokio::runtime::Builder::new_multi_thread().enable_all().build();
    match command {
        Some("relay") => Ok(runtime()?.block_on(relay::relay(address("--listen")?, address("--upstream")?))?),
        Some("sink") => Ok(runtime()?.block_on(sink::sink(address("--listen")?))?),
        _ => {
            let rounds = option("--rounds").unwrap_or("5").parse()?;
            let time = Duration::from_secs_f64(option("--seconds").unwrap_or("2.5").parse()?);
            let only = option("--only");
            if only == Some("overload") {
                let seconds = option("--seconds").unwrap_or(OVERLOAD_SECONDS).parse()?;
                return Ok(runtime()?.block_on(overloaded(Duration::from_secs_f64(seconds)))?);
            }
            let variants = if only == Some("floor") { &Variant::ALL[..1] } else { &Variant::ALL[..] };
            let plan = Plan { variants, rounds, time, core: place_generator()? };
            runtime()?.block_on(bench(plan, only))
        }
    }
}

/// Puts this process, and with it the sink, on the first core, and gives the core of the processes under test.
fn place_generator() -> Result<usize, Failure> {
    let cores = std::thread::available_parallelism()?.get();
    if cores < 2 {
        eprintln!("one core only: generator and process share it, the rates will suffer");
        return Ok(0);
    }
    // Before the runtime makes its threads, which inherit it.
    let own = std::process::id().to_string();
    let placed =
        Command::new("taskset").args(["-c", "-p", "0", &own]).stdout(std::process::Stdio::null()).status();
    if !placed.map_err(|error| format!("taskset is needed: {error}"))?.success() {
        return Err("taskset could not pin the generator to core 0".into());
    }
    Ok(1)
}

/// Not part of a run of everything, which it would double.
#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn overloaded(time: Duration) -> std::io::Result<()> {
    let scratch = tempfile::tempdir()?;
    println!("weir-bench, overload for {time:?}");
    println!("{}", cpu::machine());
    let settings = overload::Settings { phase: time / 4, senders: 4, items: 1_000, queue_size: 1000 };
    println!("{}", report::overload(&overload::measure(settings, scratch.path()).await));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
async fn bench(plan: Plan, only: Option<&str>) -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    println!("weir-bench, {} rounds of {:?}", plan.rounds, plan.time);
    println!("{}", cpu::machine());
    let wanted = |part| only.is_none_or(|only| only == part);
    if wanted("load") || only == Some("floor") {
        println!("{}", report::table(&run::run(plan, scratch.path()).await?));
        println!("ratio: to the relay floor of the same round, median of the rounds; ! = goal missed");
    }
    if wanted("hostile") {
        println!("{}", report::hostile(&hostile::measure(plan, scratch.path()).await?));
        println!(
            "ratios: of latencies of the same round, median of the rounds; busy is the floor on one core"
        );
    }
    if wanted("delivery") {
        println!("{}", report::delivery(&delivery::measure(plan, scratch.path()).await?));
        println!("ratios: to the relay of the same round, median of the rounds");
    }
    if wanted("footprint") {
        println!("{}", report::footprint(&footprint::measure(plan.core, scratch.path()).await?));
    }
    Ok(())
}
