//! `sample`: keeps a consistent share of traces, and of the log records that belong to them.
//!
//! Everybody who samples by the same rules keeps the same traces, without talking to each other, and the share that
//! was kept is written down, so that counts can be restored. See the README for the configuration.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

mod condition;
mod config;
mod decide;
mod glob;
mod hash_seed;
mod judge;
mod logs;
mod rule;
mod spans;
mod tally;
mod threshold;
mod trace_state;

use weir_sdk::{Batch, Edits, Interest, Level, Plugin, Signal};

use crate::config::Config;
use crate::decide::Mode;
use crate::logs::Logs;
use crate::spans::Spans;
use crate::tally::Tally;

/// The plugin.
#[derive(Debug)]
pub struct Sample {
    spans: Option<Spans>,
    logs: Option<Logs>,
    tally: Tally,
}

impl Plugin for Sample {
    type Config = Config;

    fn configure(config: Config, interest: &mut Interest) -> Result<Sample, String> {
        if !(1..=14).contains(&config.precision) {
            return Err(format!("config key `precision`: {} is not from 1 to 14", config.precision));
        }
        if config.hash_seed.is_some() && config.mode != Mode::HashSeed {
            return Err("config key `hash_seed`: only the mode `hash_seed` has a seed".to_owned());
        }
        let mut tally = Tally::default();
        let spans = Spans::new(&config, interest, &mut tally)?;
        let logs = Logs::new(&config, interest, &mut tally)?;
        let wanted = [(Signal::TRACES, spans.is_some()), (Signal::LOGS, logs.is_some())];
        let mut wanted: Vec<Signal> =
            wanted.iter().filter(|(_, is_wanted)| *is_wanted).map(|(s, _)| *s).collect();
        if wanted.is_empty() {
            // An interest must name a signal. This one selects nothing, so the plugin is never called.
            wanted.push(Signal::TRACES);
        } else {
            interest.drops(Level::ITEM);
        }
        interest.signals(wanted.into_iter().collect::<weir_sdk::Signals>());
        Ok(Sample { spans, logs, tally })
    }

    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<(), String> {
        let Sample { spans, logs, tally } = self;
        match (batch.signal(), spans, logs) {
            (Signal::TRACES, Some(spans), _) => {
                batch.items().for_each(|span| spans.sample(span, edits, tally))
            }
            (Signal::LOGS, _, Some(logs)) => {
                batch.items().for_each(|record| logs.sample(record, edits, tally))
            }
            _ => {}
        }
        tally.publish();
        Ok(())
    }
}

weir_sdk::plugin!(Sample);
