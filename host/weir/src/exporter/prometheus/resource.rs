//! What a resource gives to its series: `job` and `instance`, attributes that are to be labels, and `target_info`.

use weir_otlp::WireError;
use weir_otlp::read::Attributes;

use super::labels::Gathering;
use super::refused::PointError;
use super::translation::Translation;

/// The attributes that `job` and `instance` are made of.
const SERVICE: [&str; 3] = ["service.name", "service.namespace", "service.instance.id"];

/// Which attributes of a resource are labels of each of its series.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourceLabels {
    /// Patterns of those that are. Empty: all, if something is excluded, and none otherwise.
    pub included: Vec<String>,
    /// Patterns of those that are not, whatever the others say.
    pub excluded: Vec<String>,
}

impl ResourceLabels {
    /// All of them, but for those that `job` and `instance` are made of if `without_service`.
    pub fn all(without_service: bool) -> Self {
        let excluded: &[&str] = if without_service { &SERVICE } else { &[] };
        ResourceLabels {
            included: vec!["*".to_owned()],
            excluded: excluded.iter().map(|key| (*key).to_owned()).collect(),
        }
    }

    pub(in crate::exporter) fn takes_any(&self) -> bool {
        !self.included.is_empty() || !self.excluded.is_empty()
    }

    pub(in crate::exporter) fn takes(&self, key: &str) -> bool {
        let any =
            |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern.as_bytes(), key.as_bytes()));
        self.takes_any() && (self.included.is_empty() || any(&self.included)) && !any(&self.excluded)
    }
}

/// Whether a pattern fits, in which `*` stands for anything and `?` for one character.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // The last star, and where what it stands for ends so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => {
                p += 1;
                t += 1;
                while text.get(t).is_some_and(|b| b & 0xc0 == 0x80) {
                    t += 1;
                }
            }
            Some(b) if *b == text[t] => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((at, end)) => {
                    star = Some((at, end + 1));
                    (p, t) = (at + 1, end + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// A target with its own series.
pub(in crate::exporter) struct Target<'a> {
    /// Which one it is among all of them.
    pub(in crate::exporter) identity: &'a [u8],
    /// The key of its series.
    pub(in crate::exporter) labels: &'a [u8],
}

/// Which target a resource is.
#[derive(Default)]
pub(in crate::exporter) struct Identity {
    job: String,
    instance: String,
    key: Vec<u8>,
    target: Gathering,
}

impl Identity {
    /// Reads the attributes that say so.
    pub(in crate::exporter) fn read(&mut self, attributes: Attributes<'_>) -> Result<(), WireError> {
        let text = |key: &str| -> Result<String, WireError> {
            let mut out = Vec::new();
            if let Some(value) = attributes.get(key)? {
                value.put_text(&mut out)?;
            }
            Ok(String::from_utf8(out).unwrap_or_default())
        };
        let [name, namespace, instance] = SERVICE.map(text);
        let (name, namespace) = (name?, namespace?);
        self.instance = instance?;
        self.job = match (name.is_empty(), namespace.is_empty()) {
            (false, false) => format!("{namespace}/{name}"),
            _ => name,
        };
        Ok(())
    }

    /// The labels that say so, as far as the resource does.
    pub(in crate::exporter) fn labels(&self) -> impl Iterator<Item = &'static str> {
        let labels = [("job", &self.job), ("instance", &self.instance)];
        labels.map(|(name, value)| (!value.is_empty()).then_some(name)).into_iter().flatten()
    }

    /// Adds them.
    pub(in crate::exporter) fn put(&self, labels: &mut Gathering) -> Result<(), PointError> {
        labels.put("job", &self.job)?;
        labels.put("instance", &self.instance)
    }

    /// The target, whose series has what the resource has beside. As in the Collector there is one only for what has
    /// both a job and an instance. `external` are labels that it has beside. Attributes that are too many or too long for one series have none.
    pub(in crate::exporter) fn target(
        &mut self,
        attributes: Attributes<'_>,
        translation: &Translation,
        external: &[(String, String)],
    ) -> Result<Option<Target<'_>>, WireError> {
        if self.job.is_empty() || self.instance.is_empty() {
            return Ok(None);
        }
        self.key.clear();
        self.key.extend_from_slice(self.job.as_bytes());
        self.key.push(0xff);
        self.key.extend_from_slice(self.instance.as_bytes());
        let target = &mut self.target;
        target.clear();
        let mut put = || {
            external.iter().try_for_each(|(name, value)| target.put_default(name, value))?;
            let start = target.mark();
            target.put_attributes(attributes, translation, "", |key| !SERVICE.contains(&key))?;
            for reserved in ["job", "instance", "__name__"] {
                target.rename(start, reserved);
            }
            target.put("job", &self.job)?;
            target.put("instance", &self.instance)
        };
        match put() {
            Err(PointError::Malformed(error)) => return Err(error),
            Err(PointError::Refused(_)) => return Ok(None),
            Ok(()) => {}
        }
        match self.target.key() {
            Ok(labels) => Ok(Some(Target { identity: &self.key, labels })),
            Err(_) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_stars_and_question_marks() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "a", true),
            ("service*", "service.name", true),
            ("service*", "xservice", false),
            ("k8s.*.name", "k8s.pod.name", true),
            ("k8s.*.name", "k8s.pod.uid", false),
            ("*a*b", "xaybzb", true),
            ("*a*b", "xaybz", false),
            ("a?c", "a\u{fc}c", true),
            ("a?c", "ac", false),
            ("", "", true),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn attributes_are_taken_as_included_and_excluded_say() {
        let labels = |included: &[&str], excluded: &[&str]| {
            let owned = |list: &[&str]| list.iter().map(|one| (*one).to_owned()).collect();
            let labels = ResourceLabels { included: owned(included), excluded: owned(excluded) };
            ["service.name", "k8s.pod.name"].map(|key| labels.takes(key))
        };
        assert_eq!(labels(&[], &[]), [false, false]);
        assert_eq!(labels(&["*"], &[]), [true, true]);
        assert_eq!(labels(&["k8s.*"], &[]), [false, true]);
        assert_eq!(labels(&[], &["k8s.*"]), [true, false]);
        assert_eq!(labels(&["*"], &["service.*"]), [false, true]);
        assert_eq!(["service.name", "a"].map(|key| ResourceLabels::all(true).takes(key)), [false, true]);
    }
}
