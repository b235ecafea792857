//! Globs: `*` for any text, `?` for one byte, `{a,b}` for a choice. Letters match in either case.

/// The most alternatives that one pattern may stand for.
const ALTERNATIVES_MAX: usize = 64;

/// A pattern without choices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glob(Box<[u8]>);

impl Glob {
    /// The patterns that `pattern` stands for, each choice written out.
    pub fn parse(pattern: &str) -> Result<Vec<Glob>, String> {
        let mut left = vec![pattern.to_ascii_lowercase()];
        let mut done = Vec::new();
        while let Some(next) = left.pop() {
            let Some(open) = next.find('{') else {
                done.push(Glob(next.into_bytes().into()));
                continue;
            };
            let (head, rest) = next.split_at(open);
            let Some((choices, tail)) = rest[1..].split_once('}') else {
                return Err(format!("the pattern `{pattern}` has a {{ without a }}"));
            };
            left.extend(choices.split(',').rev().map(|choice| format!("{head}{choice}{tail}")));
            if left.len() + done.len() > ALTERNATIVES_MAX {
                return Err(format!("the pattern `{pattern}` stands for more than {ALTERNATIVES_MAX}"));
            }
        }
        Ok(done)
    }

    /// Whether the whole text fits. `fold` maps both sides' bytes before they are compared.
    pub fn fits(&self, text: &[u8], fold: impl Fn(u8) -> u8) -> bool {
        let pattern = &self.0;
        let (mut at, mut place) = (0, 0);
        // The last star, and how much text it has taken: the only point to come back to.
        let mut star: Option<(usize, usize)> = None;
        while let Some(byte) = text.get(place) {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, place));
                    at += 1;
                }
                Some(wanted) if *wanted == b'?' || fold(*wanted) == fold(byte.to_ascii_lowercase()) => {
                    at += 1;
                    place += 1;
                }
                _ => {
                    let Some((star_at, taken)) = star else { return false };
                    star = Some((star_at, taken + 1));
                    (at, place) = (star_at + 1, taken + 1);
                }
            }
        }
        pattern.iter().skip(at).all(|byte| *byte == b'*')
    }

    /// The pattern's text.
    pub fn text(&self) -> &[u8] {
        &self.0
    }
}

/// For [`Glob::fits`] where nothing but case is to be ignored.
pub fn plain(byte: u8) -> u8 {
    byte
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str, text: &str) -> bool {
        Glob::parse(pattern).unwrap().iter().any(|glob| glob.fits(text.as_bytes(), plain))
    }

    #[test]
    fn patterns_are_anchored_at_both_ends() {
        assert!(fits("*@mycompany.com", "Bob@MyCompany.com"));
        assert!(!fits("*@mycompany.com", "bob@mycompany.com.evil.org"));
        assert!(fits("a?c", "abc") && !fits("a?c", "ac"));
        assert!(fits("*secret*", "secret") && fits("*a*b*", "xxaxxbxx") && !fits("*a*b*", "xxbxxa"));
        assert!(fits("", "") && fits("*", "") && !fits("", "a"));
    }

    #[test]
    fn choices_are_written_out() {
        assert!(fits("h.{a,b-c}.{x,y}", "h.b-c.y") && !fits("h.{a,b}.x", "h.c.x"));
        assert!(Glob::parse("h.{a").is_err());
        assert!(Glob::parse(&"{a,b}".repeat(9)).is_err());
    }
}
