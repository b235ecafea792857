//! What the scanner looks for by its text: a literal, and what has to follow it.

use std::borrow::Cow;

use crate::rule::Rule;

/// A text that starts (or announces) something to be redacted.
#[derive(Clone, Debug)]
pub struct Literal {
    /// The bytes to find; never empty.
    pub text: Cow<'static, [u8]>,
    /// Whether letters match in either case. The text is in lower case then.
    pub fold: bool,
    /// The rule that the finding counts for.
    pub rule: Rule,
    /// What has to follow.
    pub tail: Tail,
}

/// What follows a literal, and so which verifier decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tail {
    /// A run of body characters that makes a token together with the literal.
    Run(Run),
    /// The rest of a JSON web token.
    Jwt,
    /// The rest of a PEM block.
    Pem,
    /// A credential after the scheme `Bearer`.
    Bearer,
    /// A credential after the scheme `Basic`.
    Basic,
    /// The value of a parameter or an assignment: only this is redacted, not the literal.
    Value,
    /// `%40`, the `@` of an e-mail address inside a URL.
    PercentAt,
    /// `\u00`, an escape that may hide ASCII characters: the value must be decoded to be judged.
    Escape,
}

/// How long a token's body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// Which characters it is made of.
    pub body: Body,
    /// The fewest characters; the only length if `exact`.
    pub min: u16,
    /// Whether a longer run is something else. Else the run may have any length.
    pub exact: bool,
    /// Whether the literal is so distinctive that a shorter body counts at the end of a value: SDKs cut values.
    pub cut: bool,
}

/// The characters of a token's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// `0-9a-f`
    Hex,
    /// `0-9A-Za-z`
    Alnum,
    /// `A-Z0-9`
    Upper,
    /// `0-9A-Za-z_`
    Word,
    /// `0-9A-Za-z_-`
    Dashed,
    /// `0-9A-Za-z_.-`
    Dotted,
    /// `0-9A-Za-z+/=`
    Base64,
    /// `0-9A-Za-z/_-`
    Path,
    /// `0-9`
    Digits,
    /// The credential of an HTTP scheme.
    Token68,
    /// A value that is not quoted: up to a blank, a quote, a bracket or a separator.
    Bare,
}

impl Body {
    /// How many bodies there are.
    pub const COUNT: usize = Body::Bare as usize + 1;

    /// Whether the byte belongs to the body. All but `Bare` are ASCII.
    #[inline]
    pub fn has(self, byte: u8) -> bool {
        MEMBERS[usize::from(byte)] >> (self as u16) & 1 == 1
    }

    const fn contains(self, byte: u8) -> bool {
        let is_alnum = byte.is_ascii_alphanumeric();
        match self {
            Body::Hex => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
            Body::Alnum => is_alnum,
            Body::Upper => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            Body::Word => is_alnum || byte == b'_',
            Body::Dashed => is_alnum || matches!(byte, b'_' | b'-'),
            Body::Dotted => is_alnum || matches!(byte, b'_' | b'.' | b'-'),
            Body::Base64 => is_alnum || matches!(byte, b'+' | b'/' | b'='),
            Body::Path => is_alnum || matches!(byte, b'/' | b'_' | b'-'),
            Body::Digits => byte.is_ascii_digit(),
            Body::Token68 => is_alnum || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'='),
            Body::Bare => byte > b' ' && byte != 0x7f && !is_separator(byte),
        }
    }
}

/// What ends a value that is not quoted.
const fn is_separator(byte: u8) -> bool {
    matches!(
        byte,
        b'&' | b';'
            | b'#'
            | b'"'
            | b'\''
            | b'`'
            | b'<'
            | b'>'
            | b'\\'
            | b','
            | b'('
            | b')'
            | b'['
            | b']'
            | b'{'
            | b'}'
            | b'|'
    )
}

/// For every byte a bit for each body that it belongs to: runs are walked by one look-up a byte.
const MEMBERS: [u16; 256] = {
    const BODIES: [Body; Body::COUNT] = [
        Body::Hex,
        Body::Alnum,
        Body::Upper,
        Body::Word,
        Body::Dashed,
        Body::Dotted,
        Body::Base64,
        Body::Path,
        Body::Digits,
        Body::Token68,
        Body::Bare,
    ];
    let mut members = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut number = 0;
        while number < BODIES.len() {
            if BODIES[number].contains(byte as u8) {
                members[byte] |= 1 << BODIES[number] as u16;
            }
            number += 1;
        }
        byte += 1;
    }
    members
};

impl Tail {
    /// The characters that may stand right after the literal, if that is known: they may lengthen its window.
    pub fn body(self) -> Option<Body> {
        match self {
            Tail::Run(run) => Some(run.body),
            Tail::Jwt => Some(Body::Dashed),
            Tail::PercentAt => Some(Body::Alnum),
            _ => None,
        }
    }
}

impl Literal {
    /// Whether the text may stand right after a letter or digit: `dbpassword=` counts, `mysk-` does not.
    pub fn is_open_left(&self) -> bool {
        matches!(self.tail, Tail::PercentAt | Tail::Escape) || self.rule == Rule::ASSIGNMENT
    }

    /// Whether the literal's text stands at `start`.
    #[inline]
    pub fn is_at(&self, bytes: &[u8], start: usize) -> bool {
        let Some(there) = bytes.get(start..).and_then(|rest| rest.get(..self.text.len())) else {
            return false;
        };
        if self.fold { there.eq_ignore_ascii_case(&self.text) } else { there == &*self.text }
    }
}
