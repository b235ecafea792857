//! The sixteen-byte vector that the scanner is written in: Wasm's `simd128` where it is compiled in, plain
//! arrays elsewhere. Both give the same results; a test in `scan` holds them to it by way of the scanner's findings.

pub use imp::Bytes16;

/// Length of a vector in bytes.
pub const WIDTH: usize = 16;

#[cfg(all(target_arch = "wasm32", target_feature = "simd128"))]
mod imp {
    use core::arch::wasm32::{
        i8x16_bitmask, i8x16_shuffle, u8x16, u8x16_eq, u8x16_shr, u8x16_splat, u8x16_swizzle, u16x8_shl,
        v128, v128_and,
    };

    /// Sixteen bytes.
    #[derive(Clone, Copy, Debug)]
    pub struct Bytes16(v128);

    impl Default for Bytes16 {
        fn default() -> Bytes16 {
            Bytes16(u8x16_splat(0))
        }
    }

    impl Bytes16 {
        #[inline(always)]
        pub fn load(bytes: &[u8; 16]) -> Bytes16 {
            // Written so that the compiler sees sixteen neighbouring bytes and makes one load of them.
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *bytes;
            Bytes16(u8x16(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p))
        }

        /// The low half of each byte.
        #[inline(always)]
        pub fn low(self) -> Bytes16 {
            Bytes16(v128_and(self.0, u8x16_splat(15)))
        }

        /// The high half of each byte.
        #[inline(always)]
        pub fn high(self) -> Bytes16 {
            Bytes16(u8x16_shr(self.0, 4))
        }

        /// `self` as a table of sixteen entries, looked up by each byte of `index`, all of them below 16.
        #[inline(always)]
        pub fn look_up(self, index: Bytes16) -> Bytes16 {
            Bytes16(u8x16_swizzle(self.0, index.0))
        }

        #[inline(always)]
        pub fn and(self, other: Bytes16) -> Bytes16 {
            Bytes16(v128_and(self.0, other.0))
        }

        /// Bit `7 - K` of every byte, the first byte's lowest.
        #[inline(always)]
        pub fn bits<const K: u32>(self) -> u64 {
            // Shifting pairs of bytes is cheaper than single ones, and what crosses over stays below bit 7.
            u64::from(i8x16_bitmask(u16x8_shl(self.0, K)))
        }

        /// A bit for every byte that is not zero, the first byte's lowest.
        #[inline(always)]
        pub fn nonzero(self) -> u64 {
            u64::from(!i8x16_bitmask(u8x16_eq(self.0, u8x16_splat(0))))
        }

        /// These bytes moved up by one, two or three places, filled from the end of the bytes before them.
        #[inline(always)]
        pub fn after<const N: usize>(self, before: Bytes16) -> Bytes16 {
            let (a, b) = (before.0, self.0);
            Bytes16(match N {
                1 => i8x16_shuffle::<15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30>(a, b),
                2 => i8x16_shuffle::<14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29>(a, b),
                _ => i8x16_shuffle::<13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28>(a, b),
            })
        }
    }
}

#[cfg(not(all(target_arch = "wasm32", target_feature = "simd128")))]
mod imp {
    use core::array::from_fn;

    /// Sixteen bytes.
    #[derive(Clone, Copy, Debug, Default)]
    pub struct Bytes16([u8; 16]);

    impl Bytes16 {
        #[inline(always)]
        pub fn load(bytes: &[u8; 16]) -> Bytes16 {
            Bytes16(*bytes)
        }

        /// The low half of each byte.
        #[inline(always)]
        pub fn low(self) -> Bytes16 {
            Bytes16(self.0.map(|byte| byte & 15))
        }

        /// The high half of each byte.
        #[inline(always)]
        pub fn high(self) -> Bytes16 {
            Bytes16(self.0.map(|byte| byte >> 4))
        }

        /// `self` as a table of sixteen entries, looked up by each byte of `index`, all of them below 16.
        #[inline(always)]
        pub fn look_up(self, index: Bytes16) -> Bytes16 {
            Bytes16(index.0.map(|at| self.0[usize::from(at & 15)]))
        }

        #[inline(always)]
        pub fn and(self, other: Bytes16) -> Bytes16 {
            Bytes16(from_fn(|i| self.0[i] & other.0[i]))
        }

        /// Bit `7 - K` of every byte, the first byte's lowest.
        #[inline(always)]
        pub fn bits<const K: u32>(self) -> u64 {
            self.0.iter().rev().fold(0, |bits, byte| bits << 1 | u64::from(byte >> (7 - K) & 1))
        }

        /// A bit for every byte that is not zero, the first byte's lowest.
        #[inline(always)]
        pub fn nonzero(self) -> u64 {
            self.0.iter().rev().fold(0, |bits, byte| bits << 1 | u64::from(*byte != 0))
        }

        /// These bytes moved up by `N` places, filled from the end of the bytes before them.
        #[inline(always)]
        pub fn after<const N: usize>(self, before: Bytes16) -> Bytes16 {
            Bytes16(from_fn(|i| if i < N { before.0[16 - N + i] } else { self.0[i - N] }))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes() -> [u8; 16] {
        core::array::from_fn(|i| (i as u8).wrapping_mul(37).wrapping_add(11))
    }

    #[test]
    fn halves_rebuild_the_byte() {
        let v = Bytes16::load(&bytes());
        for bit in 0..4u8 {
            let table = Bytes16::load(&core::array::from_fn(|i| (i as u8 >> bit & 1) << 7));
            let low: Vec<bool> = bytes().iter().map(|b| b >> bit & 1 == 1).collect();
            let high: Vec<bool> = bytes().iter().map(|b| b >> (bit + 4) & 1 == 1).collect();
            let got = |v: Bytes16| (0..16).map(|i| v.bits::<0>() >> i & 1 == 1).collect::<Vec<_>>();
            assert_eq!(got(table.look_up(v.low())), low);
            assert_eq!(got(table.look_up(v.high())), high);
        }
    }

    #[test]
    fn every_bit_of_a_byte_can_be_collected() {
        let v = Bytes16::load(&bytes());
        let expect = |bit: u32| (0..16).map(|i| u64::from(bytes()[i] >> bit & 1) << i).sum::<u64>();
        assert_eq!(v.bits::<0>(), expect(7));
        assert_eq!(v.bits::<3>(), expect(4));
        assert_eq!(v.bits::<6>(), expect(1));
    }

    #[test]
    fn bytes_move_in_from_the_vector_before() {
        let before = Bytes16::load(&[0xff; 16]);
        let now = Bytes16::default();
        assert_eq!(now.after::<1>(before).nonzero(), 0b1);
        assert_eq!(now.after::<2>(before).nonzero(), 0b11);
        assert_eq!(now.after::<3>(before).nonzero(), 0b111);
        assert_eq!(before.and(now).nonzero(), 0);
    }
}
