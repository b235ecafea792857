//! The Collector's processors `attributes`, `resource` and `redaction`, on the cells of a tape as plugins are: no request is
//! decoded. What they mean is the Collector's, version 0.161.
//!
//! - `chain` is what a pipeline has: consecutive processors share one walk and one splice.
//! - `seen`, `datum` and `answer` are a processor's view of a batch, a value of it, and what it wants changed.
//! - `acting` is `attributes` and `resource`: `action` on `attributes` of what `matching` finds.
//! - `redaction` is the processor of that name, with `hash`.
//! - `pattern`, `value` and `text` are regular expressions, values and their text as the Collector has them.

mod acting;
mod action;
mod answer;
mod attributes;
mod chain;
mod datum;
mod hash;
mod matching;
mod pattern;
mod redaction;
mod seen;
#[cfg(test)]
mod tests;
mod text;
mod value;

use weir_otlp::{Interest, Signal};

pub use action::{Action, Conversion, Operation, Source};
pub use chain::{NativeChain, NativeHost};
pub use matching::{AttributeMatch, Match, SPAN_KINDS, Texts, ValueMatch};
pub use pattern::{Pattern, PatternError, PatternSet};
pub use redaction::Summary;
pub use value::Value;

use crate::config::{HashFunction, NativeProcessorConfig, RedactionConfig};
use acting::{Acting, ITEMS, RESOURCES};
use answer::{Answer, TooLarge};
use hash::Mask;
use redaction::Redaction;
use seen::Seen;

/// One processor, ready to work. Pipelines share it.
pub struct Native(Work);

enum Work {
    Acting(Box<Acting>),
    Redaction(Box<Redaction>),
}

impl Native {
    /// The processor of a configuration.
    pub fn new(config: &NativeProcessorConfig) -> Native {
        Native(match config {
            NativeProcessorConfig::Attributes(config) => Work::Acting(Box::new(Acting {
                actions: config.actions.clone(),
                level: ITEMS,
                include: config.include.clone(),
                exclude: config.exclude.clone(),
            })),
            NativeProcessorConfig::Resource(config) => Work::Acting(Box::new(Acting {
                actions: config.actions.clone(),
                level: RESOURCES,
                include: None,
                exclude: None,
            })),
            NativeProcessorConfig::Redaction(config) => Work::Redaction(Box::new(redaction(config))),
        })
    }

    fn interest(&self, signal: Signal) -> Interest {
        match &self.0 {
            Work::Acting(acting) => acting.interest(signal),
            Work::Redaction(redaction) => redaction.interest(signal),
        }
    }

    /// Says what is to be changed in one part of a batch.
    fn process<'a>(&'a self, signal: Signal, seen: Seen<'a>, answer: &mut Answer) -> Result<(), TooLarge> {
        match &self.0 {
            Work::Acting(acting) => acting.process(seen, answer),
            Work::Redaction(redaction) => redaction.process(signal, seen, answer),
        }
    }
}

fn redaction(config: &RedactionConfig) -> Redaction {
    let set = |keys: &[String]| keys.iter().cloned().collect();
    Redaction {
        allowed_keys: (!config.allow_all_keys).then(|| set(&config.allowed_keys)),
        ignored_keys: set(&config.ignored_keys),
        ignored_key_patterns: PatternSet::new(config.ignored_key_patterns.clone()),
        blocked_key_patterns: PatternSet::new(config.blocked_key_patterns.clone()),
        blocked_values: PatternSet::new(config.blocked_values.clone()),
        allowed_values: PatternSet::new(config.allowed_values.clone()),
        mask: match &config.hash_function {
            HashFunction::None => Mask::Stars,
            HashFunction::Md5 => Mask::Md5,
            HashFunction::Sha1 => Mask::Sha1,
            HashFunction::Sha3 => Mask::Sha3,
            HashFunction::HmacSha256(key) => Mask::hmac_sha256(key.expose().as_bytes()),
            HashFunction::HmacSha512(key) => Mask::hmac_sha512(key.expose().as_bytes()),
        },
        all_types: config.redact_all_types,
        summary: config.summary,
    }
}
