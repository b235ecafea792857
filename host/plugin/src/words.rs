//! What a plugin says, made fit for a line of text: whoever writes a log, or to a terminal, writes no more and no other
//! lines than it meant to.

use std::fmt::Write as _;

/// The longest text of a plugin's own words, in bytes: a log line, or why it refuses its configuration.
pub(crate) const WORDS_BYTES_MAX: usize = 4096;

/// The text on one line: characters that end a line or steer a terminal are written as escapes, `\n` for instance.
pub fn on_one_line(text: &str) -> String {
    cut_on_one_line(text, usize::MAX)
}

/// The text, cut at a character to at most `bytes_max` bytes: for where it is quoted anyway.
pub(crate) fn cut(text: &str, bytes_max: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes_max)).unwrap_or(text)
}

/// The text on one line, cut to at most `bytes_max` bytes.
pub(crate) fn cut_on_one_line(text: &str, bytes_max: usize) -> String {
    let mut line = String::with_capacity(text.len().min(bytes_max));
    for c in text.chars() {
        let whole = line.len();
        if steers(c) {
            // Writing to a string does not fail.
            let _ = write!(line, "{}", c.escape_debug());
        } else {
            line.push(c);
        }
        if line.len() > bytes_max {
            line.truncate(whole);
            break;
        }
    }
    line
}

/// Whether a character does something other than to appear: it ends a line, moves the cursor, or turns the text around.
fn steers(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ends_a_line_or_steers_a_terminal_is_escaped_and_nothing_else() {
        assert_eq!(on_one_line("a\nb\r\tc\u{1b}[2Jd\u{85}\0"), r"a\nb\r\tc\u{1b}[2Jd\u{85}\0");
        assert_eq!(on_one_line("\u{2028}\u{202e}\u{2066}"), r"\u{2028}\u{202e}\u{2066}");
        let plain = "it's \"quoted\" \\ back, caf\u{e9} \u{1f600} \u{3b1}";
        assert_eq!(on_one_line(plain), plain);
    }

    #[test]
    fn a_line_is_cut_at_a_character_and_at_an_escape() {
        for cut in [|text, most| cut(text, most).to_owned(), cut_on_one_line] {
            assert_eq!(cut("abc", 10), "abc");
            assert_eq!(cut("abc", 2), "ab");
            assert_eq!(cut("a\u{20ac}b", 3), "a");
            assert_eq!(cut("a\u{20ac}b", 4), "a\u{20ac}");
        }
        assert_eq!(cut_on_one_line("a\n\n", 4), r"a\n");
        assert_eq!(cut_on_one_line(&"\n".repeat(1 << 20), WORDS_BYTES_MAX).len(), WORDS_BYTES_MAX);
    }
}
