//! The dictionary of attribute keys that one batch adds to those a plan knows.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;

/// The largest table that is kept from batch to batch.
const SLOTS_KEPT: usize = 1 << 12;

/// Interned keys, numbered from 0. Bounded by the batch that they come from. The hash is keyed, so that a
/// hostile sender cannot choose colliding keys.
#[derive(Clone, Default)]
pub(crate) struct Names {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Open addressing: number + 1, or 0. The length is a power of two.
    slots: Vec<u32>,
    hasher: RandomState,
}

impl Names {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    pub(crate) fn clear(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        self.bytes.clear();
        // A batch with many keys must not make every later one pay for clearing its table.
        if self.slots.len() > SLOTS_KEPT {
            self.slots = Vec::new();
        }
        self.ends.clear();
        self.slots.fill(0);
    }

    pub(crate) fn get(&self, number: usize) -> &[u8] {
        let from = if number == 0 { 0 } else { self.ends.get(number - 1).copied().unwrap_or(0) };
        let to = self.ends.get(number).copied().unwrap_or(from);
        &self.bytes[from as usize..to as usize]
    }

    /// The number of a key, which is new or was there already.
    pub(crate) fn intern(&mut self, key: &[u8]) -> usize {
        if self.slots.len() < 2 * (self.ends.len() + 1) {
            self.grow();
        }
        let mask = self.slots.len() - 1;
        let mut slot = self.hasher.hash_one(key) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => break,
                taken if self.get(taken as usize - 1) == key => return taken as usize - 1,
                _ => slot = (slot + 1) & mask,
            }
        }
        self.bytes.extend_from_slice(key);
        self.ends.push(self.bytes.len() as u32);
        self.slots[slot] = self.ends.len() as u32;
        self.ends.len() - 1
    }

    fn grow(&mut self) {
        let size = (4 * (self.ends.len() + 1)).next_power_of_two().max(64);
        self.slots.clear();
        self.slots.resize(size, 0);
        for number in 0..self.ends.len() {
            let mut slot = self.hasher.hash_one(self.get(number)) as usize & (size - 1);
            while self.slots[slot] != 0 {
                slot = (slot + 1) & (size - 1);
            }
            self.slots[slot] = number as u32 + 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_keep_their_numbers_however_many_there_are() {
        let mut names = Names::default();
        for round in 0..2 {
            for i in 0..1000 {
                assert_eq!(names.intern(format!("key.{i}").as_bytes()), i, "round {round}");
            }
        }
        assert_eq!(names.get(999), b"key.999");
        assert_eq!(names.len(), 1000);
        names.clear();
        assert_eq!(names.intern(b""), 0);
        assert_eq!(names.intern(b"key.5"), 1);
    }
}
