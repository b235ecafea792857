//! What becomes of names that an older reader would not take, by the `escaping` that it asks for.

use std::borrow::Cow;
use std::fmt::Write;

/// How a reader wants names that have other characters than letters, digits, underscores and colons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Escaping {
    /// As they are.
    AllowUtf8,
    /// With an underscore for each such character.
    #[default]
    Underscores,
    /// With words for dots and underscores, so that most of them can be told apart.
    Dots,
    /// With the value of each such character, so that all can be read back.
    Values,
}

impl Escaping {
    /// Reads the parameter of a media type.
    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "allow-utf-8" => Escaping::AllowUtf8,
            "underscores" => Escaping::Underscores,
            "dots" => Escaping::Dots,
            "values" => Escaping::Values,
            _ => return None,
        })
    }

    /// The same as the parameter of a media type.
    pub(super) fn name(self) -> &'static str {
        match self {
            Escaping::AllowUtf8 => "allow-utf-8",
            Escaping::Underscores => "underscores",
            Escaping::Dots => "dots",
            Escaping::Values => "values",
        }
    }

    /// The name as the reader takes it.
    pub(super) fn apply(self, name: &str) -> Cow<'_, str> {
        match self {
            Escaping::AllowUtf8 => Cow::Borrowed(name),
            Escaping::Underscores | Escaping::Values if is_plain(name) => Cow::Borrowed(name),
            Escaping::Underscores => {
                let escaped = |(at, c)| if is_plain_at(at, c) { c } else { '_' };
                Cow::Owned(name.char_indices().map(escaped).collect())
            }
            Escaping::Dots => Cow::Owned(dots(name)),
            Escaping::Values => Cow::Owned(values(name)),
        }
    }
}

/// Whether every reader takes the name.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.char_indices().all(|(at, c)| is_plain_at(at, c))
}

fn is_plain_at(at: usize, c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || c == ':' || (c.is_ascii_digit() && at > 0)
}

fn dots(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    for (at, c) in name.char_indices() {
        match c {
            '.' => out.push_str("_dot_"),
            '_' => out.push_str("__"),
            c if is_plain_at(at, c) => out.push(c),
            _ => out.push_str("__"),
        }
    }
    out
}

fn values(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 16);
    out.push_str("U__");
    for (at, c) in name.char_indices() {
        match c {
            '_' => out.push_str("__"),
            c if is_plain_at(at, c) => out.push(c),
            // Writing to a string does not fail.
            c => drop(write!(out, "_{:x}_", u32::from(c))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_writes_names_as_its_definition_says() {
        for (name, underscores, dots, values) in [
            ("a_b:c", "a_b:c", "a__b:c", "a_b:c"),
            ("a.b_c", "a_b_c", "a_dot_b__c", "U__a_2e_b__c"),
            ("no:escaping_required", "no:escaping_required", "no:escaping__required", "no:escaping_required"),
            ("1ab", "_ab", "__ab", "U___31_ab"),
            ("gr\u{fc}n", "gr_n", "gr__n", "U__gr_fc_n"),
            ("\u{1f600}", "_", "__", "U___1f600_"),
        ] {
            assert_eq!(Escaping::AllowUtf8.apply(name), name);
            assert_eq!(Escaping::Underscores.apply(name), underscores);
            assert_eq!(Escaping::Dots.apply(name), dots);
            assert_eq!(Escaping::Values.apply(name), values);
        }
    }

    #[test]
    fn schemes_are_named_in_media_types() {
        for scheme in [Escaping::AllowUtf8, Escaping::Underscores, Escaping::Dots, Escaping::Values] {
            assert_eq!(Escaping::parse(scheme.name()), Some(scheme));
        }
        assert_eq!(Escaping::parse("utf8"), None);
    }
}
