//! As much of PromQL as says which metrics and labels a query is about.

use std::collections::BTreeSet;

/// What a query names.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Each selector of a metric of weir's, or of what weir exposes: its name and the labels that it is matched by.
    pub selectors: Vec<(String, Vec<String>)>,
    /// The labels that are grouped by, or over.
    pub grouped: BTreeSet<String>,
    /// The labels that the query makes itself.
    pub made: BTreeSet<String>,
}

const PREFIXES: [&str; 3] = ["otelcol_", "weir_", "agentstack_"];

/// Reads a query, or a file of them.
pub(super) fn named(text: &str) -> Named {
    let mut named = Named::default();
    let mut rest = text;
    while let Some(start) = rest.find(is_word) {
        rest = &rest[start..];
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        rest = after;
        let follows = after.trim_start();
        if PREFIXES.iter().any(|prefix| word.starts_with(prefix)) {
            let matchers = follows.strip_prefix('{').map(inside).unwrap_or_default();
            named.selectors.push((word.to_owned(), labels(matchers)));
            rest = follows.strip_prefix('{').map_or(after, |open| &open[matchers.len()..]);
        } else if word == "by" || word == "without" {
            let group = follows.strip_prefix('(').and_then(|open| open.split(')').next()).unwrap_or_default();
            let labels = group.split(',').map(str::trim).filter(|label| !label.is_empty());
            named.grouped.extend(labels.map(str::to_owned));
        } else if word == "label_replace" {
            // The label that it makes is the first text in quotes behind it that is not in a matcher.
            let made = follows.split("]), \"").nth(1).and_then(|made| made.split('"').next());
            named.made.extend(made.map(str::to_owned));
        }
    }
    named
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

/// What stands before the brace that closes; braces in quotes are text.
fn inside(open: &str) -> &str {
    let mut is_quoted = false;
    for (at, c) in open.char_indices() {
        match c {
            '"' => is_quoted = !is_quoted,
            '}' if !is_quoted => return &open[..at],
            _ => {}
        }
    }
    open
}

/// The names of the labels that are matched; commas in quotes are text.
fn labels(matchers: &str) -> Vec<String> {
    let unquoted: String = matchers.split('"').step_by(2).collect::<Vec<_>>().join("");
    let names =
        unquoted.split(',').map(|matcher| matcher.split(['=', '!']).next().unwrap_or_default().trim());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[test]
fn names_and_labels_of_a_query_are_found() {
    let named = named(
        r#"sum by (job, le) (rate(weir_a_bucket{job=~"a,b}", x!="1"}[5m])) / otelcol_b > 0
           or label_replace(rate(weir_c[5m]), "signal", "traces", "", "")"#,
    );
    let selectors: Vec<_> =
        named.selectors.iter().map(|(name, labels)| (&name[..], labels.join(" "))).collect();
    assert_eq!(
        selectors,
        [("weir_a_bucket", "job x".to_owned()), ("otelcol_b", String::new()), ("weir_c", String::new())]
    );
    assert_eq!(named.grouped, ["job", "le"].map(str::to_owned).into());
    assert_eq!(named.made, ["signal".to_owned()].into());
}
