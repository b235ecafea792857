//! The hashes that the processors know, as hexadecimal digits.

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256, Sha512};

/// What becomes of a text that is to be hidden.
#[derive(Clone)]
pub(super) enum Mask {
    /// It is replaced by stars.
    Stars,
    Md5,
    Sha1,
    Sha3,
    HmacSha256(Box<Hmac<Sha256>>),
    HmacSha512(Box<Hmac<Sha512>>),
}

impl Mask {
    /// A keyed hash.
    pub fn hmac_sha256(key: &[u8]) -> Mask {
        // A key may have any length, so without one that fits there is nothing to go on with but stars.
        Hmac::new_from_slice(key).map_or(Mask::Stars, |hmac| Mask::HmacSha256(Box::new(hmac)))
    }

    /// A keyed hash.
    pub fn hmac_sha512(key: &[u8]) -> Mask {
        Hmac::new_from_slice(key).map_or(Mask::Stars, |hmac| Mask::HmacSha512(Box::new(hmac)))
    }

    /// Appends what stands for a text.
    pub fn write(&self, text: &str, out: &mut String) {
        let text = text.as_bytes();
        match self {
            Mask::Stars => out.push_str("****"),
            Mask::Md5 => hex(&md5::Md5::digest(text), out),
            Mask::Sha1 => hex(&sha1::Sha1::digest(text), out),
            Mask::Sha3 => hex(&sha3::Sha3_256::digest(text), out),
            Mask::HmacSha256(hmac) => {
                hex(&hmac.as_ref().clone().chain_update(text).finalize().into_bytes(), out)
            }
            Mask::HmacSha512(hmac) => {
                hex(&hmac.as_ref().clone().chain_update(text).finalize().into_bytes(), out)
            }
        }
    }
}

/// The SHA-256 of some bytes.
pub(super) fn sha256(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(64);
    hex(&Sha256::digest(bytes), &mut out);
    out
}

fn hex(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hashes_are_those_of_the_standards() {
        let of = |mask: &Mask| {
            let mut out = String::new();
            mask.write("abc", &mut out);
            out
        };
        assert_eq!(of(&Mask::Stars), "****");
        assert_eq!(of(&Mask::Md5), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(of(&Mask::Sha1), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(of(&Mask::Sha3), "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532");
        assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        // RFC 4231, test case 2.
        let mut out = String::new();
        Mask::hmac_sha256(b"Jefe").write("what do ya want for nothing?", &mut out);
        assert_eq!(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let mut out = String::new();
        Mask::hmac_sha512(b"Jefe").write("what do ya want for nothing?", &mut out);
        assert!(out.starts_with("164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"));
        assert_eq!(out.len(), 128);
    }
}
