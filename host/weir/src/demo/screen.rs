//! What the demo prints: progress, a few items before and after, the accounts, and where to look next.
#![allow(clippy::print_stdout, reason = "printing is what the demo is for")]

use std::io::{IsTerminal, Write};
use std::time::Duration;

use weir_otlp::Signal;

use super::DemoError;
use super::items::Item;
use super::verify::ENRICHED;

/// How many changed fields of an item are shown.
const FIELDS_MAX: usize = 6;
/// How wide a value may be.
const VALUE_WIDTH: usize = 92;
/// How many items of each signal are shown before and after.
const ITEMS_MAX: usize = 2;

/// The terminal, or wherever standard output goes.
#[derive(Default)]
pub(super) struct Screen {
    progress_is_shown: bool,
}

impl Screen {
    /// A new act.
    pub(super) fn step(&mut self, text: &str) {
        self.clear();
        println!("==> {text}");
    }

    /// A line that the next one replaces.
    pub(super) fn progress(&mut self, text: &str) {
        if std::io::stdout().is_terminal() {
            print!("\r    {text}\x1b[K");
            drop(std::io::stdout().flush());
            self.progress_is_shown = true;
        }
    }

    fn clear(&mut self) {
        if std::mem::take(&mut self.progress_is_shown) {
            print!("\r\x1b[K");
        }
    }

    /// Some items that the plugins have changed, field by field.
    pub(super) fn before_and_after(&mut self, originals: &[Item], arrived: &[Item]) {
        self.step("what the application sent (-) and what arrived at the upstream (+)");
        let mut shown = [0; 4];
        for original in originals {
            let count = &mut shown[original.signal as usize - 1];
            let same = |item: &&Item| item.signal == original.signal && item.id == original.id;
            if originals.iter().filter(same).count() > 1 {
                continue;
            }
            let Some(after) = arrived.iter().find(same) else { continue };
            let changes = changes(original, after);
            let is_telling = changes.iter().any(|(_, before, _)| before.is_some());
            if *count >= ITEMS_MAX || !is_telling {
                continue;
            }
            *count += 1;
            println!("    {} {}", item_name(original.signal), original.title);
            for (place, before, after) in changes.iter().take(FIELDS_MAX) {
                println!("      {place}");
                if let Some(before) = before {
                    println!("        - {}", cut(before));
                }
                println!("        + {}", after.as_deref().map_or("(removed)".to_owned(), cut));
            }
        }
        println!();
    }

    pub(super) fn fourth_arrived(&mut self, after: Duration) {
        self.clear();
        println!("    its first item arrived after {} ms, with no restart\n", after.as_millis());
    }

    /// The table of weir's own metrics, and what is wrong in it.
    pub(super) fn accounts(
        &mut self,
        metrics: &[(String, f64)],
        originals: &[Item],
        rounds: u64,
    ) -> Vec<String> {
        self.step("weir's own metrics account for every item");
        let sum = |name: &str, label: &str| -> u64 {
            let wanted = |(series, _): &&(String, f64)| series.starts_with(name) && series.contains(label);
            metrics.iter().filter(wanted).map(|(_, value)| *value as u64).sum()
        };
        let mut faults = Vec::new();
        println!("    {:<14}{:>10}{:>14}{:>12}{:>10}", "", "received", "sampled out", "delivered", "failed");
        for signal in [Signal::Traces, Signal::Metrics, Signal::Logs] {
            let items = signal.items_name();
            let accepted = sum(&format!("otelcol_receiver_accepted_{items}_total"), "");
            let sent = sum(&format!("otelcol_exporter_sent_{items}_total"), "");
            let failed = sum(&format!("otelcol_exporter_send_failed_{items}_total"), "");
            let dropped = sum("weir_plugin_items_dropped_total", &format!("signal=\"{}\"", signal.name()));
            println!("    {items:<14}{accepted:>10}{dropped:>14}{sent:>12}{failed:>10}");
            if accepted != sent + dropped + failed {
                faults.push(format!(
                    "{items}: {accepted} received, but {sent} + {dropped} + {failed} accounted for"
                ));
            }
            let replayed = originals.iter().filter(|item| item.signal == signal).count() as u64 * rounds;
            if accepted != replayed {
                faults.push(format!("{items}: {replayed} replayed, but {accepted} received"));
            }
        }
        println!("\n    redacted values, by rule");
        for (series, value) in metrics {
            let is_match =
                series.starts_with("weir_plugin_counter_total") && series.contains("counter=\"matched\"");
            if is_match && *value > 0.0 {
                let rule = series.split("label=\"").nth(1).and_then(|rest| rest.split('"').next());
                println!("      {:<24}{value:>10}", rule.unwrap_or("other"));
            }
        }
        println!();
        faults
    }

    pub(super) fn cost(&mut self, cpu: Option<Duration>, items: u64) {
        if let Some(cpu) = cpu
            && items > 0
        {
            let each = cpu.as_nanos() as u64 / items;
            println!("    cost: {each} ns of CPU an item in the whole sidecar, at about 50 items a request");
            println!(
                "    (most of it is the cost of a request; `make bench` measures at 10 and 1000 items a request)\n"
            );
        }
    }

    pub(super) fn succeeded(&mut self) {
        println!("==> everything that arrived is right: {} = {} on every item,", ENRICHED.0, ENRICHED.1);
        println!(
            "    exactly the traces that the percentage keeps, no secret anywhere, all JSON still JSON\n"
        );
        println!("    Next: README.md (a configuration of your own, a plugin in ten lines),");
        println!("    deploy/examples (configurations), wit/types.wit (what a plugin sees)");
    }

    pub(super) fn wrong(&mut self, faults: &[String]) {
        self.clear();
        eprintln!("==> what arrived is NOT right");
        for fault in faults {
            eprintln!("    {fault}");
        }
    }

    pub(super) fn failed(&mut self, error: &DemoError) {
        self.clear();
        eprintln!("==> the demo stopped: {error}");
    }
}

fn item_name(signal: Signal) -> &'static str {
    match signal {
        Signal::Traces => "span",
        Signal::Metrics => "data point",
        Signal::Logs => "log record",
        Signal::Profiles => "profile",
    }
}

/// Place, value before, value after.
type Change = (String, Option<String>, Option<String>);

/// Changed fields first, since those are what redaction did; then the added ones.
fn changes(before: &Item, after: &Item) -> Vec<Change> {
    let find = |item: &Item, place: &str| {
        item.fields.iter().find(|(name, _)| name == place).map(|(_, value)| value.clone())
    };
    let mut changes = Vec::new();
    for (place, value) in &before.fields {
        let now = find(after, place);
        if now.as_ref() != Some(value) {
            changes.push((place.clone(), Some(value.clone()), now));
        }
    }
    for (place, value) in &after.fields {
        if find(before, place).is_none() {
            changes.push((place.clone(), None, Some(value.clone())));
        }
    }
    changes
}

/// One line of at most [`VALUE_WIDTH`] characters.
fn cut(value: &str) -> String {
    let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if line.chars().count() <= VALUE_WIDTH {
        return line;
    }
    let mut cut: String = line.chars().take(VALUE_WIDTH - 3).collect();
    cut.push_str("...");
    cut
}
