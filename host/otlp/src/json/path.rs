//! Where a field stands in a request: `resourceSpans[0].scopeSpans[0].spans[2].name`.

use std::fmt;

/// Steps of a path that are shown from its beginning, and as many from its end. What is between them is left out: values
/// may be nested a hundred deep, in three steps each.
const STEPS_SHOWN: usize = 12;

/// The fields on the way from the request to where a reader is.
#[derive(Default)]
pub(super) struct Path {
    steps: Vec<Step>,
}

struct Step {
    name: &'static str,
    at: At,
}

/// Which element of a list.
enum At {
    Field,
    Index(usize),
    /// The pair with this key, quoted and cut.
    Key(String),
}

impl Path {
    pub(super) fn enter(&mut self, name: &'static str) {
        self.steps.push(Step { name, at: At::Field });
    }

    /// Goes to an element of the list that was entered last.
    pub(super) fn index(&mut self, index: usize) {
        if let Some(step) = self.steps.last_mut() {
            step.at = At::Index(index);
        }
    }

    /// Goes to the pair with this key in the list that was entered last.
    pub(super) fn key(&mut self, key: String) {
        if let Some(step) = self.steps.last_mut() {
            step.at = At::Key(key);
        }
    }

    /// Goes back to the list itself.
    pub(super) fn whole(&mut self) {
        if let Some(step) = self.steps.last_mut() {
            step.at = At::Field;
        }
    }

    pub(super) fn leave(&mut self) {
        self.steps.pop();
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.steps.len();
        for (place, Step { name, at }) in self.steps.iter().enumerate() {
            if place >= STEPS_SHOWN && place + STEPS_SHOWN < len {
                if place == STEPS_SHOWN {
                    f.write_str(".(...)")?;
                }
                continue;
            }
            if place > 0 {
                f.write_str(".")?;
            }
            f.write_str(name)?;
            match at {
                At::Field => {}
                At::Index(index) => write!(f, "[{index}]")?,
                At::Key(key) => write!(f, "[{key}]")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_fields_and_elements() {
        let mut path = Path::default();
        assert_eq!(path.to_string(), "");
        path.enter("spans");
        path.index(2);
        path.enter("attributes");
        path.key("\"a\"".to_owned());
        assert_eq!(path.to_string(), "spans[2].attributes[\"a\"]");
        path.whole();
        assert_eq!(path.to_string(), "spans[2].attributes");
        path.leave();
        assert_eq!(path.to_string(), "spans[2]");
    }

    #[test]
    fn a_deep_path_is_cut_in_the_middle() {
        let mut path = Path::default();
        for index in 0..500 {
            path.enter("values");
            path.index(index);
        }
        let text = path.to_string();
        assert!(text.starts_with("values[0].values[1]."), "{text}");
        assert!(
            text.ends_with(
                "values[11].(...).values[488].values[489].values[490].values[491].values[492].\
             values[493].values[494].values[495].values[496].values[497].values[498].values[499]"
            ),
            "{text}"
        );
    }
}
