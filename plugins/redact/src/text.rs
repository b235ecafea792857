//! Where words begin and end in telemetry text, which may be escaped for JSON or for a URL.

/// Whether a match may begin at `start`: not inside a word. A letter that belongs to an escape (`\n`, `\u000a`,
/// `%20`) is not part of a word.
#[inline]
pub fn opens(bytes: &[u8], start: usize) -> bool {
    match start.checked_sub(1).and_then(|before| bytes.get(before)) {
        Some(byte) if byte.is_ascii_alphanumeric() => follows_escape(bytes, start),
        _ => true,
    }
}

/// Whether a match may end at `end`: not inside a word.
#[inline]
pub fn closes(bytes: &[u8], end: usize) -> bool {
    !bytes.get(end).is_some_and(u8::is_ascii_alphanumeric)
}

/// Whether the bytes before `start` are a whole escape that ends in a letter or digit.
pub fn follows_escape(bytes: &[u8], start: usize) -> bool {
    let Some(head) = bytes.get(..start) else { return false };
    match head {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => true,
        [.., b'%', a, b] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => true,
        [.., b'\\', b'u', a, b, c, d] => [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit),
        _ => false,
    }
}

/// How many bytes from `start` on still belong to an escape whose backslash stands right before: a walk back over
/// letters stops at the backslash and has taken the rest of `\n` or `\u000a` along.
pub fn escape_rest(bytes: &[u8], start: usize) -> usize {
    let Some((b'\\', rest)) = start.checked_sub(1).and_then(|before| bytes.get(before..)?.split_first())
    else {
        return 0;
    };
    match rest {
        [b'n' | b'r' | b't' | b'b' | b'f', ..] => 1,
        [b'u', a, b, c, d, ..] if [a, b, c, d].into_iter().all(u8::is_ascii_hexdigit) => 5,
        _ => 0,
    }
}

/// The byte that `%XX` at `at` stands for.
pub fn percent(bytes: &[u8], at: usize) -> Option<u8> {
    match bytes.get(at..)?.get(..3)? {
        [b'%', a, b] => Some(hex(*a)? << 4 | hex(*b)?),
        _ => None,
    }
}

/// The value of a hexadecimal digit.
pub fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// How many bytes from `start` on belong to the class, counted to at most `limit`.
#[inline]
pub fn run(bytes: &[u8], start: usize, limit: usize, class: impl Fn(u8) -> bool) -> usize {
    let rest = bytes.get(start..).unwrap_or(&[]);
    walked(rest.iter().take(limit).take_while(|byte| class(**byte)).count())
}

/// How many bytes before `end` belong to the class, counted to at most `limit`.
#[inline]
pub fn run_back(bytes: &[u8], end: usize, limit: usize, class: impl Fn(u8) -> bool) -> usize {
    let head = bytes.get(..end).unwrap_or(&[]);
    walked(head.iter().rev().take(limit).take_while(|byte| class(**byte)).count())
}

/// Passes a count of bytes on. In tests it adds them up, so that the time for hostile text can be bounded without
/// a clock.
#[inline(always)]
pub fn walked(count: usize) -> usize {
    #[cfg(test)]
    WALKED.with(|all| all.set(all.get() + count + 1));
    count
}

#[cfg(test)]
thread_local! {
    /// Bytes that verifiers of this thread have walked over, and one for each walk.
    pub static WALKED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_match_opens_after_an_escape_but_not_inside_a_word() {
        let opens_at_end = |head: &str| opens(head.as_bytes(), head.len());
        assert!(
            ["", " ", "=", "\\n", "x\\t", "%20", "\\u000a", "\u{e9}", "_"].iter().all(|h| opens_at_end(h))
        );
        assert!(["a", "7", "n", "20", "u000a", "%2", "\\x"].iter().all(|h| !opens_at_end(h)));
    }

    #[test]
    fn runs_are_counted_to_their_limit_in_both_directions() {
        assert_eq!(run(b"xx111y", 2, 9, |b| b.is_ascii_digit()), 3);
        assert_eq!(run(b"xx111y", 2, 2, |b| b.is_ascii_digit()), 2);
        assert_eq!(run(b"xx111y", 99, 2, |b| b.is_ascii_digit()), 0);
        assert_eq!(run_back(b"xx111y", 5, 9, |b| b.is_ascii_digit()), 3);
        assert_eq!(run_back(b"xx111y", 5, 1, |b| b.is_ascii_digit()), 1);
    }

    #[test]
    fn percent_escapes_are_read() {
        assert_eq!(percent(b"a%40b", 1), Some(b'@'));
        assert_eq!(percent(b"a%4", 1), None);
        assert_eq!(percent(b"a%zz", 1), None);
    }
}
