//! Changed copies of inputs, the same in every run: what a fuzzer tries first, with a stable compiler and in seconds. The plugin
//! host's test of its cache shares this file.

/// The most changes to one input. More of them make noise that every parser refuses at once.
const CHANGES_MAX: usize = 6;
/// The most bytes that are repeated at once.
const REPEATED_MAX: usize = 64;
/// Integers at which parsers go wrong, as little-endian words.
const EXTREMES: [u64; 10] =
    [0, 1, 0x7f, 0x80, 0xffff, i32::MAX as u64, 1 << 31, u32::MAX as u64, i64::MAX as u64, u64::MAX];
/// The same as varints: the largest of 32 and of 64 bits, one with a bit too many, and one that never ends.
const VARINTS: [&[u8]; 4] = [
    &[0xff, 0xff, 0xff, 0xff, 0x0f],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
    &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03],
    &[0x80; 11],
];

/// A changed copy.
pub struct Mutation {
    pub bytes: Vec<u8>,
    /// What was done, one change after the other, for whoever reads a failure.
    pub changes: String,
}

/// The changed copy with this number of one of the inputs. The others are there to be spliced into it.
pub fn mutated(inputs: &[Vec<u8>], which: usize, number: u64) -> Mutation {
    let random = &mut Random(number);
    let mut mutation = Mutation { bytes: inputs[which].clone(), changes: String::new() };
    for _ in 0..1 + random.below(CHANGES_MAX) {
        change(&mut mutation, inputs, random);
    }
    mutation
}

fn change(mutation: &mut Mutation, inputs: &[Vec<u8>], random: &mut Random) {
    let bytes = &mut mutation.bytes;
    // One past the end is a place as well, for what is put in.
    let at = random.below(bytes.len() + 1);
    let there = at < bytes.len();
    let name = match random.below(9) {
        0 if there => {
            bytes[at] = random.next() as u8;
            "byte"
        }
        1 if there => {
            bytes[at] ^= 1 << random.below(8);
            "bit"
        }
        2 => {
            bytes.truncate(at);
            "cut"
        }
        3 if there => {
            bytes.remove(at);
            "remove"
        }
        4 => {
            bytes.insert(at, random.next() as u8);
            "insert"
        }
        5 => {
            let other = &inputs[random.below(inputs.len())];
            bytes.truncate(at);
            bytes.extend_from_slice(&other[random.below(other.len() + 1)..]);
            "splice"
        }
        6 => {
            let word = EXTREMES[random.below(EXTREMES.len())].to_le_bytes();
            let width = (1 << random.below(4)).min(bytes.len() - at);
            bytes[at..at + width].copy_from_slice(&word[..width]);
            "extreme"
        }
        7 => {
            bytes.splice(at..at, VARINTS[random.below(VARINTS.len())].iter().copied());
            "varint"
        }
        _ => {
            let length = random.below(REPEATED_MAX).min(bytes.len() - at);
            let repeated = bytes[at..at + length].to_vec();
            bytes.splice(at..at, repeated);
            "repeat"
        }
    };
    mutation.changes.push_str(&format!("{name} at {at}; "));
}

/// SplitMix64 (Steele et al. 2014): one word of state, so that a number is all that it takes to do it again.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = self.0;
        word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ word >> 31
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}
