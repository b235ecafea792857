//! The labels of one series: gathered from several places, brought into order, and kept as one string of bytes.

use weir_otlp::read::Attributes;

use super::limits::{LABEL_NAME_BYTES_MAX, LABELS_BYTES_MAX, LABELS_MAX};
use super::refused::{PointError, Refused};
use super::translation::Translation;

/// Ends each name and each value. It is in no UTF-8 text.
const END: u8 = 0xff;

/// Labels that are being gathered. Those of a resource and a scope stay while those of their points come and go.
#[derive(Default)]
pub(in crate::exporter) struct Gathering {
    arena: Vec<u8>,
    entries: Vec<Entry>,
    key: Vec<u8>,
}

/// One label. Ranges of the arena.
#[derive(Clone, Copy)]
struct Entry {
    name: (u32, u32),
    value: (u32, u32),
    /// The key that the name was made of, by which values under one name are ordered.
    source: (u32, u32),
    /// Whether another one of the same name takes its place, rather than to stand beside it.
    gives_way: bool,
}

/// How much there was at some time.
#[derive(Clone, Copy)]
pub(in crate::exporter) struct Mark {
    bytes: usize,
    entries: usize,
}

// === impl Gathering ===

impl Gathering {
    /// Forgets all labels.
    pub(in crate::exporter) fn clear(&mut self) {
        self.go_back(Mark { bytes: 0, entries: 0 });
    }

    /// How much there is now.
    pub(in crate::exporter) fn mark(&self) -> Mark {
        Mark { bytes: self.arena.len(), entries: self.entries.len() }
    }

    /// Forgets what has come since.
    pub(in crate::exporter) fn go_back(&mut self, mark: Mark) {
        self.arena.truncate(mark.bytes);
        self.entries.truncate(mark.entries);
    }

    /// A label whose name is right as it is.
    pub(in crate::exporter) fn put(&mut self, name: &str, value: &str) -> Result<(), PointError> {
        self.put_with(
            name,
            |out| out.extend_from_slice(name.as_bytes()),
            |out| {
                out.extend_from_slice(value.as_bytes());
                Ok(())
            },
        )
    }

    /// The same, if there is no other one of this name.
    pub(in crate::exporter) fn put_default(&mut self, name: &str, value: &str) -> Result<(), PointError> {
        let entries = self.entries.len();
        self.put(name, value)?;
        self.entries.iter_mut().skip(entries).for_each(|entry| entry.gives_way = true);
        Ok(())
    }

    /// A label for each attribute that `takes` takes. `prefix` stands before its name.
    pub(in crate::exporter) fn put_attributes(
        &mut self,
        attributes: Attributes<'_>,
        translation: &Translation,
        prefix: &str,
        takes: impl Fn(&str) -> bool,
    ) -> Result<(), PointError> {
        let mut prefixed = String::new();
        for attribute in attributes {
            let attribute = attribute?;
            if attribute.key.is_empty() || !takes(attribute.key) {
                continue;
            }
            let key = match prefix {
                "" => attribute.key,
                prefix => {
                    prefixed.clear();
                    prefixed.extend([prefix, attribute.key]);
                    prefixed.as_str()
                }
            };
            self.put_with(
                key,
                |out| translation.put_label(key, out),
                |out| {
                    attribute.value.put_text(out)?;
                    Ok(())
                },
            )?;
        }
        Ok(())
    }

    /// A label that is left out if its value is empty, which means the same to Prometheus.
    fn put_with(
        &mut self,
        source: &str,
        name: impl FnOnce(&mut Vec<u8>),
        value: impl FnOnce(&mut Vec<u8>) -> Result<(), PointError>,
    ) -> Result<(), PointError> {
        let start = self.arena.len();
        if self.entries.len() >= LABELS_MAX || source.len() > LABEL_NAME_BYTES_MAX {
            return Err(Refused::Labels.into());
        }
        self.arena.extend_from_slice(source.as_bytes());
        let source = (start, self.arena.len());
        name(&mut self.arena);
        let name = (source.1, self.arena.len());
        value(&mut self.arena)?;
        let value = (name.1, self.arena.len());
        if value.0 == value.1 {
            self.arena.truncate(start);
            return Ok(());
        }
        if value.1 > 4 * LABELS_BYTES_MAX {
            return Err(Refused::Labels.into());
        }
        // In bounds: the arena is far smaller than that.
        let range = |(from, to): (usize, usize)| (from as u32, to as u32);
        let [name, value, source] = [name, value, source].map(range);
        self.entries.push(Entry { name, value, source, gives_way: false });
        Ok(())
    }

    /// The name that an attribute must not take from a label of the target or the kind gets another one: that which Prometheus
    /// itself gives to labels of a scraped page which collide with its own.
    pub(in crate::exporter) fn rename(&mut self, since: Mark, reserved: &str) {
        let Gathering { arena, entries, .. } = self;
        for entry in entries.iter_mut().skip(since.entries) {
            let (from, to) = entry.name;
            if &arena[from as usize..to as usize] == reserved.as_bytes() {
                let start = arena.len() as u32;
                arena.extend_from_slice(b"exported_");
                arena.extend_from_slice(reserved.as_bytes());
                entry.name = (start, arena.len() as u32);
            }
        }
    }

    /// All labels as the key of a series, in the order of their names. Values under one name are joined.
    pub(in crate::exporter) fn key(&mut self) -> Result<&[u8], PointError> {
        let Gathering { arena, entries, key } = self;
        let text = |(from, to): (u32, u32)| &arena[from as usize..to as usize];
        // Those of the scope and the resource are to stay in front.
        let mut order: Vec<&Entry> = entries.iter().collect();
        let place = |entry: &Entry| (text(entry.name), entry.gives_way, text(entry.source));
        order.sort_by(|a, b| place(a).cmp(&place(b)));
        key.clear();
        let mut former = None;
        for entry in order {
            let name = text(entry.name);
            if former == Some(name) {
                if entry.gives_way {
                    continue;
                }
                key.pop();
                key.push(b';');
            } else {
                key.extend_from_slice(name);
                key.push(END);
            }
            key.extend_from_slice(text(entry.value));
            key.push(END);
            former = Some(name);
        }
        if key.len() > LABELS_BYTES_MAX {
            return Err(Refused::Labels.into());
        }
        Ok(key)
    }
}

/// The names and values of a key.
pub(in crate::exporter) fn labels(key: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let mut parts = key.split(|b| *b == END).map(|part| std::str::from_utf8(part).unwrap_or_default());
    std::iter::from_fn(move || {
        let name = parts.next().filter(|name| !name.is_empty())?;
        Some((name, parts.next()?))
    })
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::common::v1::any_value::Value;
    use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
    use opentelemetry_proto::tonic::metrics::v1::{ResourceMetrics, metric};
    use opentelemetry_proto::tonic::resource::v1::Resource;
    use prost::Message;

    use super::super::translation::Strategy;
    use super::*;

    /// A request whose resource has these attributes.
    fn request(attributes: &[(&str, Value)]) -> Vec<u8> {
        use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
        let attributes = attributes.iter().map(|(key, value)| KeyValue {
            key: (*key).to_owned(),
            value: Some(AnyValue { value: Some(value.clone()) }),
            ..KeyValue::default()
        });
        let resource = Some(Resource { attributes: attributes.collect(), ..Resource::default() });
        let resource_metrics = vec![ResourceMetrics { resource, ..ResourceMetrics::default() }];
        let _ = std::marker::PhantomData::<metric::Data>;
        ExportMetricsServiceRequest { resource_metrics }.encode_to_vec()
    }

    fn shown(gathering: &mut Gathering) -> Option<String> {
        let key = gathering.key().ok()?;
        Some(
            labels(key)
                .map(|(name, value)| format!("{name}={value} "))
                .collect::<String>()
                .trim_end()
                .to_owned(),
        )
    }

    fn of(attributes: &[(&str, Value)]) -> Option<String> {
        let request = request(attributes);
        let group = weir_otlp::read::groups(&request).next().unwrap().unwrap();
        let mut gathering = Gathering::default();
        let translation = Translation::new(Strategy::default(), "");
        let attributes = group.resource.attributes;
        gathering.put_attributes(attributes, &translation, "", |_| true).ok()?;
        shown(&mut gathering)
    }

    fn text(text: &str) -> Value {
        Value::StringValue(text.to_owned())
    }

    #[test]
    fn labels_are_in_order_and_what_has_one_name_is_joined_in_the_order_of_its_keys() {
        let attributes =
            [("b", text("1")), ("a_b", text("under")), ("a.b", text("dot")), ("c", Value::IntValue(7))];
        assert_eq!(of(&attributes).unwrap(), "a_b=dot;under b=1 c=7");
    }

    #[test]
    fn a_default_gives_way_to_whatever_has_its_name() {
        let mut gathering = Gathering::default();
        for (name, value) in [("cluster", "blue"), ("zone", "a"), ("empty", "")] {
            assert!(gathering.put_default(name, value).is_ok());
        }
        let mark = gathering.mark();
        assert!(gathering.put("cluster", "own").is_ok());
        assert_eq!(shown(&mut gathering).unwrap(), "cluster=own zone=a");
        gathering.go_back(mark);
        assert_eq!(shown(&mut gathering).unwrap(), "cluster=blue zone=a");
    }

    #[test]
    fn values_of_every_type_are_text_and_empty_ones_are_no_labels() {
        let attributes = [
            ("a", Value::BoolValue(true)),
            ("b", Value::DoubleValue(1.5)),
            ("c", text("")),
            ("", text("nameless")),
            ("d", Value::BytesValue(vec![1, 2])),
        ];
        assert_eq!(of(&attributes).unwrap(), "a=true b=1.5 d=AQI=");
    }

    #[test]
    fn too_many_and_too_long_labels_are_refused() {
        let names: Vec<String> = (0..=LABELS_MAX).map(|at| format!("a{at}")).collect();
        let many: Vec<(&str, Value)> = names.iter().map(|name| (name.as_str(), text("x"))).collect();
        assert!(of(&many[..LABELS_MAX]).is_some());
        assert!(of(&many).is_none());
        assert!(of(&[("a", text(&"x".repeat(LABELS_BYTES_MAX)))]).is_none());
        assert!(of(&[(&"x".repeat(LABEL_NAME_BYTES_MAX + 1), text("x"))]).is_none());
    }

    #[test]
    fn a_name_that_is_taken_gets_another_and_what_came_before_stays() {
        let mut gathering = Gathering::default();
        assert!(gathering.put("job", "mine").is_ok());
        let mark = gathering.mark();
        assert!(gathering.put("job", "theirs").is_ok());
        gathering.rename(mark, "job");
        assert_eq!(shown(&mut gathering).unwrap(), "exported_job=theirs job=mine");
        gathering.go_back(mark);
        assert_eq!(shown(&mut gathering).unwrap(), "job=mine");
    }
}
