//! The five bytes in front of a gRPC message: whether it is compressed, and how long it is.

/// Their number.
pub const HEAD_BYTES: usize = 5;

/// What they say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameHead {
    /// The message is compressed by the encoding that `grpc-encoding` names.
    pub is_compressed: bool,
    /// Bytes of the message that follow.
    pub len: u32,
}

/// The first byte is neither 0 nor 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the compressed flag of the message is {0}, not 0 or 1")]
pub struct BadFlag(pub u8);

impl FrameHead {
    /// As it is sent.
    pub fn encode(self) -> [u8; HEAD_BYTES] {
        let [a, b, c, d] = self.len.to_be_bytes();
        [u8::from(self.is_compressed), a, b, c, d]
    }

    /// As it was received.
    ///
    /// # Errors
    /// If the flag has no meaning.
    pub fn decode([flag, a, b, c, d]: [u8; HEAD_BYTES]) -> Result<Self, BadFlag> {
        let len = u32::from_be_bytes([a, b, c, d]);
        match flag {
            0 | 1 => Ok(FrameHead { is_compressed: flag == 1, len }),
            other => Err(BadFlag(other)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_comes_back_as_it_went() {
        for head in
            [FrameHead { is_compressed: true, len: 0x0102_0304 }, FrameHead { is_compressed: false, len: 0 }]
        {
            assert_eq!(FrameHead::decode(head.encode()), Ok(head));
        }
        assert_eq!(FrameHead::decode([2, 0, 0, 0, 0]), Err(BadFlag(2)));
    }
}
