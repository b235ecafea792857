//! Reads a plugin's configuration, with errors that an operator can act on: where, what, and what was meant.

use serde::de::DeserializeOwned;

/// The configuration in `text`, which is JSON; `null` gives the default.
///
/// The error names the path of the key (`rules[1].percentage`), what is wrong with it, and for an unknown key the
/// nearest one that exists.
pub fn parse<C: DeserializeOwned + Default>(text: &str) -> Result<C, String> {
    if text.trim() == "null" {
        return Ok(C::default());
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let config = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        describe(&path, &error.into_inner())
    })?;
    reader.end().map_err(|error| describe(".", &error))?;
    Ok(config)
}

fn describe(path: &str, error: &serde_json::Error) -> String {
    let text = error.to_string();
    // The operator wrote YAML: a position in the JSON that weir made of it would mislead.
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let text = unknown_key(text).unwrap_or_else(|| text.to_owned());
    if path == "." { format!("config: {text}") } else { format!("config key `{path}`: {text}") }
}

/// Turns serde's "unknown field" and "unknown variant" into a sentence with a suggestion.
fn unknown_key(message: &str) -> Option<String> {
    let (what, rest) = match message.strip_prefix("unknown field `") {
        Some(rest) => ("key", rest),
        None => ("value", message.strip_prefix("unknown variant `")?),
    };
    let (wrong, rest) = rest.split_once('`')?;
    // Every second piece between back-ticks is one that exists.
    let known: Vec<&str> = rest.split('`').skip(1).step_by(2).collect();
    let list = known.join(", ");
    Some(match nearest(wrong, known.iter().copied()) {
        Some(near) => format!("unknown {what} `{wrong}`; did you mean `{near}`? known: {list}"),
        None if known.is_empty() => format!("unknown {what} `{wrong}`; none is allowed here"),
        None => format!("unknown {what} `{wrong}`; known: {list}"),
    })
}

/// The candidate that is nearest to a misspelt word, if one is near enough to be meant.
pub fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let most = word.len().div_ceil(3).min(3);
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many bytes must be inserted, removed or changed.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, above) in b.bytes().zip(row.iter_mut().skip(1)) {
            let changed = diagonal + usize::from(x != y);
            diagonal = *above;
            left = changed.min(left + 1).min(*above + 1);
            *above = left;
        }
        row[0] = i + 1;
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(deny_unknown_fields, default)]
    struct Config {
        percentage: f64,
        mode: Mode,
        rules: Vec<Config>,
    }

    #[derive(Debug, Default, Deserialize, PartialEq)]
    #[serde(rename_all = "snake_case")]
    enum Mode {
        #[default]
        Equalizing,
        Proportional,
    }

    fn error(text: &str) -> String {
        parse::<Config>(text).unwrap_err()
    }

    #[test]
    fn null_is_the_default() {
        assert_eq!(parse::<Config>(" null ").unwrap(), Config::default());
    }

    #[test]
    fn an_unknown_key_is_told_with_its_place_and_the_nearest_one() {
        assert_eq!(
            error(r#"{"rules": [{}, {"percntage": 1}]}"#),
            "config key `rules[1].percntage`: unknown key `percntage`; did you mean `percentage`? known: percentage, mode, rules"
        );
    }

    #[test]
    fn an_unknown_value_is_told_with_the_known_ones() {
        assert_eq!(
            error(r#"{"mode": "hash"}"#),
            "config key `mode`: unknown value `hash`; known: equalizing, proportional"
        );
    }

    #[test]
    fn a_wrong_type_is_told_without_a_position_in_json_that_nobody_wrote() {
        assert_eq!(
            error(r#"{"percentage": "ten"}"#),
            "config key `percentage`: invalid type: string \"ten\", expected f64"
        );
    }

    #[test]
    fn the_nearest_word_is_one_that_may_have_been_meant() {
        assert_eq!(nearest("precisoin", ["percentage", "precision"]), Some("precision"));
        assert_eq!(nearest("zebra", ["percentage", "precision"]), None);
        assert_eq!((distance("kitten", "sitting"), distance("", "abc")), (3, 3));
    }
}
