//! Test a plugin natively, without a Wasm engine: write a [`Document`], run the plugin over it, compare.
//!
//! [`Harness`] does what weir does around a plugin: it shows the plugin what its interest selects and nothing
//! else, refuses edits that go beyond the interest, and applies the rest.
//!
//! ```
//! # use weir_sdk::{Batch, Edits, Field, Interest, Level, NoConfig, Plugin};
//! # struct Tag(Field);
//! # impl Plugin for Tag {
//! #     type Config = NoConfig;
//! #     fn configure(_: NoConfig, interest: &mut Interest) -> Result<Self, String> {
//! #         Ok(Tag(interest.attribute("tag").at(Level::ITEM).write()))
//! #     }
//! #     fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<(), String> {
//! #         batch.items().for_each(|item| edits.set(item, self.0, "yes"));
//! #         Ok(())
//! #     }
//! # }
//! use serde_json::json;
//! use weir_sdk::testing::{Document, Harness};
//!
//! let mut spans = Document::traces(json!([{"name": "GET /", "attributes": {"user": "u1"}}]));
//! Harness::<Tag>::new(json!(null)).unwrap().run(&mut spans).unwrap();
//! assert_eq!(spans, Document::traces(json!([{"name": "GET /", "attributes": {"user": "u1", "tag": "yes"}}])));
//! ```

mod apply;
mod decode;
mod document;
mod fields;
mod golden;
mod json;
mod pack;

use std::collections::BTreeMap;

pub use document::{Document, Node};
pub use golden::check_golden_files;
pub use pack::Packed;

use crate::batch::Batch;
use crate::edits::Edits;
use crate::interest::Interest;
use crate::plugin::Plugin;

/// A configured plugin, and weir around it.
pub struct Harness<P> {
    /// The plugin itself.
    pub plugin: P,
    interest: Interest,
}

impl<P: Plugin> Harness<P> {
    /// Configures the plugin. The error is the one that the operator would see.
    pub fn new(config: serde_json::Value) -> Result<Harness<P>, String> {
        let mut interest = Interest::default();
        let plugin = P::configure(crate::config::parse(&config.to_string())?, &mut interest)?;
        Ok(Harness { plugin, interest })
    }

    /// What the plugin declared.
    pub fn interest(&self) -> &Interest {
        &self.interest
    }

    /// Runs the plugin over the document and applies its edits; gives back how many there were. An error is the
    /// plugin's own, or says which edit weir would have refused; the document is as it was then.
    pub fn run(&mut self, document: &mut Document) -> Result<usize, String> {
        let Some(packed) = Packed::new(document, &self.interest) else { return Ok(0) };
        let edits = self.edits(&packed)?;
        let count = edits.len();
        let (index, bytes) = edits.into_parts();
        *document = apply::apply(document, &packed, &self.interest, &index, &bytes)?;
        Ok(count)
    }

    /// Runs the plugin over lists that are packed already and gives back its edits as they are.
    pub fn edits(&mut self, packed: &Packed) -> Result<Edits, String> {
        let mut edits = Edits::default();
        self.plugin.process(&packed.batch(&self.interest)?, &mut edits)?;
        Ok(edits)
    }
}

impl Packed {
    /// The batch that a plugin with this interest sees.
    pub fn batch<'a>(&'a self, interest: &'a Interest) -> Result<Batch<'a>, String> {
        Batch::new(self.signal, self.received, &self.index, &self.bytes, interest)
    }
}

/// Takes what the plugins on this thread counted since the last call, by counter and label.
pub fn take_counters() -> BTreeMap<(String, String), u64> {
    crate::host::take().counters
}

/// Takes what the plugins on this thread logged since the last call: level and line. Forgets the counters, too.
pub fn take_log_lines() -> Vec<(u8, String)> {
    crate::host::take().lines
}
