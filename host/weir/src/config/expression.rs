//! The grammar of `${...}`: where expressions stand in a text, and what one refers to.

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Text that stands for itself; `$$` is a dollar sign already.
    Literal(String),
    /// What stands between `${` and its `}`, with inner expressions as they were written.
    Expression(String),
}

/// What an expression refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reference {
    /// A variable and what to take if it is not set.
    Env {
        /// The name of the variable.
        name: String,
        /// The text behind `:-`.
        default: Option<String>,
    },
    /// A file, relative to the file that names it.
    File(String),
    /// YAML as such.
    Yaml(String),
}

/// Splits a text. In `lenient` text `$$` stays as it is and what is no expression is a literal.
pub fn pieces(text: &str, lenient: bool) -> Result<Vec<Piece>, String> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text;
    while let Some(dollar) = rest.find('$') {
        let (before, from) = rest.split_at(dollar);
        literal.push_str(before);
        if from.starts_with("$$") {
            literal.push_str(if lenient { "$$" } else { "$" });
            rest = from.get(2..).unwrap_or_default();
            continue;
        }
        match from.strip_prefix("${").and_then(closing) {
            Some((inner, after)) if !lenient || means_something(inner) => {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Expression(inner.to_owned()));
                rest = after;
            }
            None if from.starts_with("${") && !lenient => {
                return Err("\"${\" without its \"}\"; write $$ for a dollar sign".to_owned());
            }
            _ => {
                literal.push('$');
                rest = from.get(1..).unwrap_or_default();
            }
        }
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    Ok(pieces)
}

/// The text up to the brace that closes what was opened before it, and the text behind that brace.
fn closing(text: &str) -> Option<(&str, &str)> {
    let mut open = 1usize;
    let mut before = '\0';
    for (index, c) in text.char_indices() {
        match c {
            '{' if before == '$' => open += 1,
            '}' => {
                open -= 1;
                if open == 0 {
                    return Some((text.get(..index)?, text.get(index + 1..)?));
                }
            }
            _ => {}
        }
        before = c;
    }
    None
}

fn means_something(inner: &str) -> bool {
    inner.contains("${") || parse(inner).is_ok()
}

/// Reads what stands inside an expression. A reference without a scheme is a variable.
pub fn parse(inner: &str) -> Result<Reference, String> {
    match inner.split_once(':') {
        Some(("env", variable)) => env(variable),
        Some(("file", "")) => Err("${file:} names no file".to_owned()),
        Some(("file", path)) => Ok(Reference::File(path.to_owned())),
        Some(("yaml", text)) => Ok(Reference::Yaml(text.to_owned())),
        Some((_, rest)) if rest.starts_with('-') => env(inner),
        Some((scheme, _)) => {
            Err(format!("${{{scheme}:...}} is not known to weir; it has env, file and yaml"))
        }
        None => env(inner),
    }
}

fn env(variable: &str) -> Result<Reference, String> {
    let (name, default) = match variable.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (variable, None),
    };
    let mut chars = name.chars();
    let starts_well = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!(
            "invalid variable name {name:?}: it starts with a letter or _ and has letters, digits and _ only"
        ));
    }
    Ok(Reference::Env { name: name.to_owned(), default })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(text: &str) -> Piece {
        Piece::Literal(text.to_owned())
    }

    fn expression(text: &str) -> Piece {
        Piece::Expression(text.to_owned())
    }

    #[test]
    fn a_text_is_split_at_its_expressions() {
        for (text, expected) in [
            ("plain", vec![literal("plain")]),
            ("${A}", vec![expression("A")]),
            ("x${A}y", vec![literal("x"), expression("A"), literal("y")]),
            ("${env:${A}}", vec![expression("env:${A}")]),
            ("${A}${B}", vec![expression("A"), expression("B")]),
            ("$${A}", vec![literal("${A}")]),
            ("$$${A}", vec![literal("$"), expression("A")]),
            ("100$", vec![literal("100$")]),
            ("$A", vec![literal("$A")]),
            ("${yaml:{a: {b: 1}}}", vec![expression("yaml:{a: {b: 1"), literal("}}")]),
        ] {
            assert_eq!(pieces(text, false).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn a_brace_that_is_never_closed_is_an_error_in_the_file_but_not_in_a_password() {
        assert!(pieces("pa${ss", false).unwrap_err().contains("without its"));
        assert_eq!(pieces("pa${ss", true).unwrap(), [literal("pa${ss")]);
        assert_eq!(pieces("p$$w${1}", true).unwrap(), [literal("p$$w${1}")]);
    }

    #[test]
    fn references_are_read_by_scheme() {
        let env = |name: &str, default: Option<&str>| Reference::Env {
            name: name.to_owned(),
            default: default.map(str::to_owned),
        };
        for (inner, reference) in [
            ("A_1", env("A_1", None)),
            ("env:A", env("A", None)),
            ("env:A:-x:y", env("A", Some("x:y"))),
            ("A:-", env("A", Some(""))),
            ("file:/a/b", Reference::File("/a/b".to_owned())),
            ("yaml:[1]", Reference::Yaml("[1]".to_owned())),
        ] {
            assert_eq!(parse(inner).unwrap(), reference, "{inner}");
        }
    }

    #[test]
    fn bad_references_say_why() {
        for (inner, reason) in [
            ("1A", "invalid variable name \"1A\""),
            ("", "invalid variable name \"\""),
            ("env:A B", "invalid variable name \"A B\""),
            ("https:example.com", "is not known to weir"),
            ("file:", "names no file"),
        ] {
            let message = parse(inner).unwrap_err();
            assert!(message.contains(reason), "{inner}: {message}");
        }
    }
}
