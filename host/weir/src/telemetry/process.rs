//! Uptime, CPU time and memory of the process, read from /proc when somebody asks and at no other time.

use std::time::Instant;

use prometheus::core::{Collector, Desc};
use prometheus::proto::MetricFamily;
use prometheus::{Counter, Gauge, Opts};

use crate::memory;

const UPTIME: (&str, &str) = ("otelcol_process_uptime_seconds_total", "seconds since the process started");
const CPU: (&str, &str) = ("otelcol_process_cpu_seconds_total", "user and system CPU time in seconds");
const RSS: (&str, &str) = ("otelcol_process_memory_rss", "resident memory in bytes");

/// Clock ticks in a second, as Linux shows them in /proc on every architecture that weir is built for.
const TICKS_PER_SECOND: f64 = 100.0;

/// Made once, at start.
pub(super) struct ProcessMetrics {
    started: Instant,
    descriptions: Vec<Desc>,
}

impl ProcessMetrics {
    pub(super) fn new() -> Result<Self, prometheus::Error> {
        let describe = |(name, help): (&str, &str)| {
            Desc::new(name.to_owned(), help.to_owned(), Vec::new(), Default::default())
        };
        let descriptions = [UPTIME, CPU, RSS].into_iter().map(describe).collect::<Result<_, _>>()?;
        Ok(ProcessMetrics { started: Instant::now(), descriptions })
    }

    fn families(&self) -> Result<Vec<MetricFamily>, prometheus::Error> {
        let uptime = counter(UPTIME, self.started.elapsed().as_secs_f64())?;
        let cpu = std::fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_seconds(&stat));
        let mut families = uptime;
        if let Some(cpu) = cpu {
            families.extend(counter(CPU, cpu)?);
        }
        if let Some(rss) = memory::resident_bytes() {
            let gauge = Gauge::with_opts(Opts::new(RSS.0, RSS.1))?;
            gauge.set(rss as f64);
            families.extend(gauge.collect());
        }
        Ok(families)
    }
}

impl Collector for ProcessMetrics {
    fn desc(&self) -> Vec<&Desc> {
        self.descriptions.iter().collect()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        self.families().unwrap_or_default()
    }
}

fn counter((name, help): (&str, &str), value: f64) -> Result<Vec<MetricFamily>, prometheus::Error> {
    let counter = Counter::with_opts(Opts::new(name, help))?;
    counter.inc_by(value);
    Ok(counter.collect())
}

/// User plus system time out of `/proc/self/stat`. The name in parentheses may hold anything, so the count starts after it.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut times = after_name.split_whitespace().skip(11);
    let user: f64 = times.next()?.parse().ok()?;
    let system: f64 = times.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_found_behind_a_name_with_blanks_and_parentheses() {
        let stat = "12 (a (b) c) S 1 2 3 4 5 6 7 8 9 10 250 150 13 14";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        assert_eq!(cpu_seconds("12 (a"), None);
    }
}
