//! Patterns with `*` for any text and `?` for any one character.

/// Whether the whole text fits the pattern. Linear in the text for each `*`, with no recursion.
pub fn fits(pattern: &str, text: &str) -> bool {
    let pattern: &[u8] = pattern.as_bytes();
    let text = text.as_bytes();
    let (mut p, mut t) = (0, 0);
    // Where to resume when a guess about the last star was too short: after the star, and its text so far.
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                p += 1;
                retry = Some((p, t));
                continue;
            }
            Some(b'?') => {
                p += 1;
                t += width(text, t);
                continue;
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
                continue;
            }
            _ => {}
        }
        let Some((after_star, start)) = retry else { return false };
        p = after_star;
        t = start + width(text, start);
        retry = Some((after_star, t));
    }
    pattern.get(p..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

/// The bytes of the character that starts here.
fn width(text: &[u8], at: usize) -> usize {
    let rest = text.get(at + 1..).unwrap_or_default();
    1 + rest.iter().take_while(|byte| **byte & 0xc0 == 0x80).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text_and_question_marks_for_one_character() {
        for (pattern, text) in [
            ("*", ""),
            ("/api/*", "/api/"),
            ("*.js", "a.b.js"),
            ("/v?/*/x", "/v1/a/b/x"),
            ("a?c", "a\u{e4}c"),
            ("**", "x"),
        ] {
            assert!(fits(pattern, text), "{pattern} fits {text}");
        }
        for (pattern, text) in
            [("", "a"), ("/api/*", "/api"), ("*.js", "a.jsx"), ("a?c", "ac"), ("a?c", "abbc")]
        {
            assert!(!fits(pattern, text), "{pattern} does not fit {text}");
        }
    }
}
