//! What a plugin declares that it reads, writes and may drop: the host's form of the contract's `interest`.

use crate::codes::{Signal, field, level};

/// The most selectors that one interest may have.
pub const SELECTORS_MAX: usize = 1024;
/// The longest attribute key that a selector may name, in bytes.
pub const NAME_BYTES_MAX: usize = 1024;

/// Cells of the field are in the batch.
pub const READ: u32 = 1;
/// The field may be set, replaced, removed and renamed.
pub const WRITE: u32 = 2;

/// One kind of field that a plugin asks for. See `wit/types.wit`, record `selector`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selector {
    /// Mask of signals, 0 for all of the interest's.
    pub signals: u32,
    /// Mask of levels, 0 for all.
    pub levels: u32,
    /// A code of [`field`]; [`field::ATTRIBUTE`] for attributes.
    pub field: u32,
    /// Mask of kinds to be read, 0 for all.
    pub kinds: u32,
    /// [`READ`], [`WRITE`] or both.
    pub access: u32,
    /// The attribute's key, a prefix and `*`, or `*`.
    pub name: String,
}

/// What a plugin reads and writes. See `wit/types.wit`, record `interest`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interest {
    /// Mask of signals.
    pub signals: u32,
    /// Reads and writes.
    pub selectors: Vec<Selector>,
    /// Mask of levels at which entities may be dropped.
    pub drops: u32,
    /// Runs as exactly one instance.
    pub stateful: bool,
    /// Data must never pass it by.
    pub redacts: bool,
}

/// Why an interest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InterestError {
    /// More than [`SELECTORS_MAX`].
    #[error("the interest has {0} selectors, more than {SELECTORS_MAX}")]
    TooMany(usize),
    /// No signal that weir knows.
    #[error("the interest names no signal (traces, metrics or logs)")]
    NoSignal,
    /// A selector that cannot be right.
    #[error("selector {index} of the interest {reason}")]
    Selector {
        /// Which one, from 0.
        index: usize,
        /// What is wrong.
        reason: &'static str,
    },
}

impl Interest {
    /// What is read, each field once, as people know it: `body`, or `attribute user.email`.
    pub fn reads(&self) -> Vec<String> {
        self.titles(Selector::reads)
    }

    /// What may be written, likewise.
    pub fn writes(&self) -> Vec<String> {
        self.titles(Selector::writes)
    }

    fn titles(&self, has_access: fn(&Selector) -> bool) -> Vec<String> {
        let mut titles: Vec<String> = Vec::new();
        for selector in self.selectors.iter().filter(|selector| has_access(selector)) {
            let title = selector.title();
            // The same field at several levels is one.
            if !titles.contains(&title) {
                titles.push(title);
            }
        }
        titles
    }

    /// Refuses what cannot be meant: no signal, an unknown field, an attribute without a key, no access.
    pub fn check(&self) -> Result<(), InterestError> {
        let known = Signal::Traces.bit() | Signal::Metrics.bit() | Signal::Logs.bit();
        if self.signals & known == 0 {
            return Err(InterestError::NoSignal);
        }
        if self.selectors.len() > SELECTORS_MAX {
            return Err(InterestError::TooMany(self.selectors.len()));
        }
        for (index, selector) in self.selectors.iter().enumerate() {
            if let Some(reason) = selector.fault() {
                return Err(InterestError::Selector { index, reason });
            }
        }
        Ok(())
    }

    /// Whether batches of the signal are shown to the plugin at all. Profiles never are.
    pub fn wants(&self, signal: Signal) -> bool {
        self.signals & signal.bit() != 0 && signal != Signal::Profiles
    }
}

impl Selector {
    /// Whether the selector is meant for the signal, given that the interest is.
    pub fn has_signal(&self, signal: Signal) -> bool {
        self.signals == 0 || self.signals & signal.bit() != 0
    }

    /// Whether the selector is meant at the level.
    pub fn has_level(&self, at: u8) -> bool {
        self.levels == 0 || self.levels & (1 << at) != 0
    }

    /// Whether it may be read.
    pub fn reads(&self) -> bool {
        self.access & READ != 0
    }

    /// Whether it may be written.
    pub fn writes(&self) -> bool {
        self.access & WRITE != 0
    }

    fn title(&self) -> String {
        match self.name.as_str() {
            "" => field::name(self.field).to_owned(),
            key => format!("attribute {key}"),
        }
    }

    fn fault(&self) -> Option<&'static str> {
        if self.access & (READ | WRITE) == 0 {
            return Some("asks for neither reading nor writing");
        }
        if self.levels != 0 && self.levels & level::ALL == 0 {
            return Some("names no level that exists");
        }
        if self.field == field::ATTRIBUTE {
            if self.name.is_empty() {
                return Some("asks for an attribute without a key (use `*` for every key)");
            }
            if self.name.len() > NAME_BYTES_MAX {
                return Some("has a key of more than 1024 bytes");
            }
            return None;
        }
        if !(field::SCHEMA_URL..field::CODES as u32).contains(&self.field) {
            return Some("names a field that does not exist");
        }
        if !self.name.is_empty() {
            return Some("has a name, which only attributes may have");
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_read_and_written_is_named_once_and_keys_are_told_from_fields() {
        let selector = |field, access, name: &str| Selector {
            field,
            access,
            name: name.to_owned(),
            ..Selector::default()
        };
        let interest = Interest {
            selectors: vec![
                selector(field::NAME, READ, ""),
                selector(field::ATTRIBUTE, READ | WRITE, "name"),
                Selector { levels: 2, ..selector(field::NAME, READ, "") },
            ],
            ..Interest::default()
        };
        assert_eq!(interest.reads(), ["name", "attribute name"]);
        assert_eq!(interest.writes(), ["attribute name"]);
    }
}
