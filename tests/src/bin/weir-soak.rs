//! `weir-soak`: a long run under everything at once, and whether anything grew. `make soak` runs it.
//!
//!     weir-soak [--seconds N]

use std::process::ExitCode;
use std::time::Duration;

use weir_tests::sdk::Told;
use weir_tests::soak::{Settings, Soaked, soak};

/// Ten minutes.
const SECONDS: u64 = 600;

/// Looks in a whole run: enough for a line through half of them.
const SAMPLES: u32 = 120;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let seconds = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => Some(SECONDS),
        ["--seconds", seconds] => seconds.parse().ok(),
        _ => None,
    };
    let Some(seconds) = seconds.filter(|seconds| *seconds > 0) else {
        eprintln!("usage: weir-soak [--seconds N]");
        return ExitCode::from(64);
    };
    match run(Duration::from_secs(seconds)) {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("weir-soak: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The number of figures that grew.
fn run(time: Duration) -> std::io::Result<usize> {
    let scratch = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let sample_every = (time / SAMPLES).clamp(Duration::from_millis(250), Duration::from_secs(5));
    let settings = Settings { time, sample_every, period: Duration::from_millis(40), items: 20 };
    let soaked = runtime.block_on(soak(settings, scratch.path()));
    Ok(report(&soaked))
}

#[expect(clippy::print_stdout, reason = "the table is what this program is for")]
fn report(soaked: &Soaked) -> usize {
    let count = |is: fn(&Told) -> bool| soaked.ledger.0.iter().filter(|sent| is(&sent.told)).count();
    println!(
        "{} batches taken, {} refused for good, {} given up; {} reloads of a plugin, {} of the configuration",
        count(|told| *told == Told::Taken),
        count(|told| matches!(told, Told::Never(_))),
        count(|told| matches!(told, Told::Later(_))),
        soaked.reloads[0],
        soaked.reloads[1],
    );
    println!("idle before: {:?}", soaked.idle[0]);
    println!("idle after:  {:?}\n", soaked.idle[1]);
    println!(
        "| {:<20} | {:>10} | {:>10} | {:>15} | {:>10} |",
        "second half", "mean", "growth", "standard errors", "fails from"
    );
    println!("|{0:-<22}|{0:->12}|{0:->12}|{0:->17}|{0:->12}|", "");
    let mut grown = 0;
    for (name, floor, trend) in soaked.trends() {
        let mark = if trend.grows(floor) { " GROWS" } else { "" };
        grown += usize::from(trend.grows(floor));
        println!(
            "| {name:<20} | {:>10.2} | {:>10.2} | {:>15.1} | {floor:>10.1} |{mark}",
            trend.mean, trend.growth, trend.sureness
        );
    }
    println!("\nthe accounts balance, and file descriptors were given back");
    grown
}
