//! Tests of short texts without a branch for each step: attribute keys and values are some tens of bytes, all of other
//! lengths, and a loop over them is mostly a mispredicted exit.
//!
//! A window of fixed size is read from the text on, past its end into what follows, and a mask leaves out what does
//! not belong to it. Compilers make a few vector instructions of that.

/// The longest text that is looked at through a window.
const WINDOW: usize = 64;
/// The same for keys, which are shorter.
const KEY_WINDOW: usize = 32;

/// From `WINDOW - len` on: the high bits of `len` bytes, then nothing.
static HIGH_BITS: [u8; 2 * WINDOW] = mask(0x80);
/// The same, for all bits.
static ALL_BITS: [u8; 2 * WINDOW] = mask(0xff);

const fn mask(bits: u8) -> [u8; 2 * WINDOW] {
    let mut mask = [0; 2 * WINDOW];
    let mut at = 0;
    while at < WINDOW {
        mask[at] = bits;
        at += 1;
    }
    mask
}

/// Whether `source[from..from + len]` is there and no byte of it has its highest bit set.
#[inline(always)]
pub(crate) fn is_ascii(source: &[u8], from: usize, len: usize) -> bool {
    let text = source.get(from..).and_then(|rest| rest.first_chunk::<WINDOW>());
    let mask = HIGH_BITS.get(WINDOW.wrapping_sub(len)..).and_then(|rest| rest.first_chunk::<WINDOW>());
    if let (Some(text), Some(mask)) = (text, mask) {
        let mut seen = 0;
        for (byte, mask) in text.iter().zip(mask) {
            seen |= byte & mask;
        }
        return seen == 0;
    }
    source.get(from..from + len).is_some_and(<[u8]>::is_ascii)
}

/// Whether two texts of `source` that have the same length are the same.
#[inline(always)]
pub(crate) fn is_same(source: &[u8], a: usize, b: usize, len: usize) -> bool {
    let window = |from: usize| source.get(from..).and_then(|rest| rest.first_chunk::<KEY_WINDOW>());
    let mask = if len <= KEY_WINDOW {
        ALL_BITS.get(WINDOW - len..).and_then(|rest| rest.first_chunk::<KEY_WINDOW>())
    } else {
        None
    };
    if let (Some(a), Some(b), Some(mask)) = (window(a), window(b), mask) {
        let mut differs = 0;
        for ((a, b), mask) in a.iter().zip(b).zip(mask) {
            differs |= (a ^ b) & mask;
        }
        return differs == 0;
    }
    match (source.get(a..a + len), source.get(b..b + len)) {
        (Some(a), Some(b)) => a == b,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_beyond_ascii_is_found_wherever_it_stands_and_not_beside_the_text() {
        for end in [0, 7, 200] {
            for len in 0..90 {
                let mut source = vec![b'a'; 3 + len + end];
                source[2] = 0xff;
                if let Some(after) = source.get_mut(3 + len) {
                    *after = 0xff;
                }
                assert!(is_ascii(&source, 3, len));
                for at in 3..3 + len {
                    source[at] = 0x80;
                    assert!(!is_ascii(&source, 3, len));
                    source[at] = b'a';
                }
            }
        }
        assert!(!is_ascii(b"abc", 2, 2));
    }

    #[test]
    fn texts_that_differ_in_one_byte_are_told_apart() {
        for end in [0, 100] {
            for len in 0..50 {
                let mut source = vec![b'a'; 2 * len + 1 + end];
                source[len] = b'x';
                assert!(is_same(&source, 0, len + 1, len));
                for at in 0..len {
                    source[at] = b'b';
                    assert!(!is_same(&source, 0, len + 1, len));
                    source[at] = b'a';
                }
            }
        }
        assert!(!is_same(b"aa", 0, 1, 2));
    }
}
