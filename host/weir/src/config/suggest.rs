//! The valid name that is nearest to a mistyped one.

/// Longer names are not compared: the distance costs the product of both lengths.
const NAME_CHARS_MAX: usize = 64;

/// The candidate nearest to `written`, if one is near enough to be meant: at most a third of it differs.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let written: Vec<char> = written.chars().take(NAME_CHARS_MAX + 1).collect();
    if written.is_empty() || written.len() > NAME_CHARS_MAX {
        return None;
    }
    let limit = (written.len() / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| !candidate.is_empty() && candidate.len() <= NAME_CHARS_MAX)
        .map(|candidate| (distance(&written, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate.to_owned())
}

/// Edits (insert, delete, replace, swap of neighbours) that turn one name into the other, ignoring case.
fn distance(written: &[char], candidate: &str) -> usize {
    let candidate: Vec<char> = candidate.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=candidate.len()).collect();
    for (i, a) in written.iter().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        next.push(i + 1);
        for (j, b) in candidate.iter().enumerate() {
            let replace = at(&row, j) + usize::from(!a.eq_ignore_ascii_case(b));
            let mut best = replace.min(at(&row, j + 1) + 1).min(at(&next, j) + 1);
            let swapped = i > 0 && j > 0 && written.get(i - 1) == Some(b) && candidate.get(j - 1) == Some(a);
            if swapped {
                best = best.min(at(&before, j - 1) + 1);
            }
            next.push(best);
        }
        before = std::mem::replace(&mut row, next);
    }
    row.last().copied().unwrap_or(usize::MAX)
}

fn at(row: &[usize], index: usize) -> usize {
    row.get(index).copied().unwrap_or(usize::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_of_the_finger_finds_the_name_that_was_meant() {
        let names = ["receivers", "processors", "exporters", "extensions", "service"];
        for (written, meant) in [
            ("recievers", Some("receivers")),
            ("exporter", Some("exporters")),
            ("Service", Some("service")),
            ("procesors", Some("processors")),
            ("banana", None),
            ("", None),
        ] {
            assert_eq!(nearest(written, names).as_deref(), meant, "{written}");
        }
    }

    #[test]
    fn a_very_long_name_is_not_compared() {
        assert_eq!(nearest(&"a".repeat(10_000), ["a"]), None);
    }
}
