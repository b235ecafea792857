//! `enrich`: adds, renames and deletes attributes.
//!
//! Attributes of the resource come from the configuration, from the pod's labels and annotations and from files;
//! those of items from the configuration and from tables. See the README for the configuration.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

mod actions;
mod config;
mod constant;
mod csv;
mod file;
mod lookup;
mod podinfo;
mod put;
mod resource;
mod table;

use weir_sdk::{Batch, Edits, Interest, Level, Plugin, Signals};

use crate::actions::Actions;
use crate::config::Config;
use crate::lookup::Lookup;
use crate::put::Put;

/// The plugin.
pub struct Enrich {
    resource: Vec<Put>,
    actions: Actions,
    lookups: Vec<Lookup>,
}

impl Plugin for Enrich {
    type Config = Config;

    fn configure(config: Config, interest: &mut Interest) -> Result<Enrich, String> {
        if let Some(signals) = &config.signals {
            if signals.is_empty() {
                return Err(
                    "config key `signals`: the list is empty; leave it out for all signals".to_owned()
                );
            }
            interest.signals(signals.iter().map(|signal| signal.signal()).collect::<Signals>());
        }
        let resource = resource::collect(&config, interest)?;
        let actions = Actions::new(&config, interest)?;
        lookup::check(&config)?;
        let tables = lookup::read_tables(&config.tables)?;
        let lookups = config.lookups.iter().enumerate().map(|(position, lookup)| {
            Lookup::new(lookup, &tables, interest)
                .map_err(|reason| format!("config key `lookups[{position}]`: {reason}"))
        });
        let lookups = lookups.collect::<Result<_, _>>()?;
        Ok(Enrich { resource, actions, lookups })
    }

    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<(), String> {
        for entity in batch.entities() {
            let level = entity.level();
            if self.actions.are_meant_at(level) {
                self.actions.apply(batch.signal(), entity, edits);
            }
            self.lookups
                .iter()
                .filter(|lookup| lookup.is_meant_at(level))
                .for_each(|l| l.apply(entity, edits));
            if level == Level::RESOURCE {
                self.resource.iter().for_each(|put| put.apply(entity, edits));
            }
        }
        Ok(())
    }
}

weir_sdk::plugin!(Enrich);
