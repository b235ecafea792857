//! Several configurations into one, by the Collector's rule: maps merge deeply, anything else is replaced.

use super::node::{Entry, Node, Value};

/// Lays `over` on `base`. A null in `over` replaces (and so removes) what was there, `{}` leaves it as it is.
pub fn merge(base: &mut Node, over: Node) {
    let Value::Map(theirs) = over.value else {
        *base = over;
        return;
    };
    let Value::Map(ours) = &mut base.value else {
        *base = Node { value: Value::Map(theirs), ..over };
        return;
    };
    for Entry { key, place, value } in theirs {
        match ours.iter_mut().find(|entry| entry.key == key) {
            Some(entry) => {
                // The later file is where the key was last touched, so that is the place to name, unless
                // the value stays a mix of both.
                if !(matches!(entry.value.value, Value::Map(_)) && matches!(value.value, Value::Map(_))) {
                    entry.place = place;
                }
                merge(&mut entry.value, value);
            }
            None => ours.push(Entry { key, place, value }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::yaml::parse;
    use super::*;

    fn node(text: &str) -> Node {
        parse(text, &Arc::from("t")).unwrap()
    }

    #[test]
    fn later_files_merge_over_earlier_ones_as_in_the_collector() {
        for (base, over, merged) in [
            ("{a: 1}", "{b: 2}", "{a: 1, b: 2}"),
            ("{a: {b: 1, c: 2}}", "{a: {c: 3}}", "{a: {b: 1, c: 3}}"),
            ("{a: [1, 2]}", "{a: [3]}", "{a: [3]}"),
            ("{a: {b: 1}}", "{a: }", "{a: }"),
            ("{a: {b: 1}}", "{a: {}}", "{a: {b: 1}}"),
            ("{a: 1}", "{a: {b: 1}}", "{a: {b: 1}}"),
            ("{a: {b: 1}}", "{a: 1}", "{a: 1}"),
            ("{a: }", "{a: {b: 1}}", "{a: {b: 1}}"),
        ] {
            let mut result = node(base);
            merge(&mut result, node(over));
            assert_eq!(result, node(merged), "{base} + {over}");
        }
    }
}
