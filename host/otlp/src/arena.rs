//! Bytes written from front to back, each value with a zero byte behind it.

/// How many bytes a short value is copied as.
const STEP: usize = 32;

/// The buffer keeps its length from batch to batch, so that nothing has to be zeroed before it is written.
#[derive(Default)]
pub(crate) struct Arena {
    buffer: Vec<u8>,
    used: usize,
}

impl Arena {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.buffer.get(..self.used).unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Forgets what was written since it had that length.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.used = self.used.min(len);
    }

    /// Appends a value.
    #[inline(always)]
    pub(crate) fn put(&mut self, value: &[u8]) {
        let room = self.room(value.len());
        room[..value.len()].copy_from_slice(value);
        self.close(value.len());
    }

    /// Appends `source[from..from + len]`. A short value is copied with some of what follows it, which is written over
    /// by the next one: a copy of fixed size needs no call.
    #[inline(always)]
    pub(crate) fn put_range(&mut self, source: &[u8], from: usize, len: usize) {
        if len <= STEP
            && let Some(text) = source.get(from..).and_then(|rest| rest.first_chunk::<STEP>())
        {
            if let Some(room) = self.room(len).first_chunk_mut::<STEP>() {
                *room = *text;
            }
            return self.close(len);
        }
        self.put(source.get(from..from + len).unwrap_or_default());
    }

    /// Appends a value that is written by somebody else.
    pub(crate) fn put_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.buffer.truncate(self.used);
        write(&mut self.buffer);
        self.used = self.buffer.len();
        self.room(0);
        self.close(0);
    }

    /// Writes over four bytes of a value that is there.
    pub(crate) fn patch(&mut self, at: usize, word: u32) {
        if let Some(old) = self.buffer.get_mut(at..at + 4) {
            old.copy_from_slice(&word.to_le_bytes());
        }
    }

    /// Room for a value and its zero, and for a step beyond.
    #[inline(always)]
    fn room(&mut self, len: usize) -> &mut [u8] {
        let need = self.used + len + STEP + 1;
        if self.buffer.len() < need {
            self.grow(need);
        }
        &mut self.buffer[self.used..]
    }

    #[cold]
    fn grow(&mut self, need: usize) {
        self.buffer.resize((2 * need).max(4096), 0);
    }

    #[inline(always)]
    fn close(&mut self, len: usize) {
        self.used += len;
        self.buffer[self.used] = 0;
        self.used += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_one_after_the_other_with_a_zero_behind_each() {
        let source: Vec<u8> = (1..=200).collect();
        let mut arena = Arena::default();
        // The second round writes over what the first one left.
        for round in 0..2 {
            let mut expected = Vec::new();
            arena.truncate(0);
            for len in (0..100).chain([32, 33, 0]) {
                for from in [0, round, 200 - len] {
                    arena.put_range(&source, from, len);
                    expected.extend_from_slice(&source[from..from + len]);
                    expected.push(0);
                }
                arena.put(&source[..len]);
                expected.extend_from_slice(&source[..len]);
                expected.push(0);
            }
            arena.put_with(|out| out.extend_from_slice(&[9; 5000]));
            expected.extend([9; 5000]);
            expected.push(0);
            arena.put(b"end");
            expected.extend(b"end\0");
            assert_eq!(arena.as_slice(), expected);
        }
    }
}
