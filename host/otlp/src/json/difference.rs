//! Whether two requests mean the same, and where they first differ.

use super::encode::Encoder;
use super::fields::{Content, Elements, Payload, read};
use super::messages::{self, ANY_VALUE, KEY_VALUE};
use super::path::Path;
use super::schema::{Field, Kind, Message, Rule};
use crate::codes::Signal;
use crate::wire::{DEPTH_MAX, Fault, WireError};

/// How many bytes of a value are shown: enough to tell two apart, and to fit on a line.
const VALUE_SHOWN: usize = 160;
/// How many bytes of a key are shown.
const KEY_SHOWN: usize = 64;

/// First difference in meaning of two requests' bytes: a path such as `resourceSpans[0].scopeSpans[0].spans[2]`
/// `.attributes["user.email"]`, and what stands on each side, as JSON that is cut. None if they mean the same.
///
/// The order of fields and of attributes, members of maps among them, means nothing, nor do unknown fields. A default
/// that is written, or an empty message, is the same as absence, where the field has no presence of its own: `asInt` of
/// zero is not an absent value. All NaNs are the same; zero and minus zero are not.
///
/// Bytes that are not a valid request differ from everything. Profiles are compared as bytes.
///
/// This shows telemetry. It is for tests and tools, not for logs.
pub fn difference(signal: Signal, expected: &[u8], found: &[u8]) -> Option<String> {
    let Some(message) = messages::request(signal) else {
        return (expected != found).then(|| "the bytes differ; profiles are compared as bytes".to_owned());
    };
    let mut compare = Compare { path: Path::default(), depth: 0 };
    let pair = Pair { expected: &Payload::whole(expected), found: &Payload::whole(found) };
    compare.message(message, pair).err()
}

/// The error is the text of the difference.
type Same = Result<(), String>;

struct Compare {
    path: Path,
    /// How many arrays and maps are open.
    depth: u8,
}

/// The same thing of both requests.
#[derive(Clone, Copy)]
struct Pair<T> {
    expected: T,
    found: T,
}

impl<T> Pair<T> {
    fn map<U>(self, mut to: impl FnMut(T) -> U) -> Pair<U> {
        Pair { expected: to(self.expected), found: to(self.found) }
    }
}

impl<'a> Pair<&Payload<'a>> {
    /// What the fields say on each side.
    fn read(self, message: &Message) -> Result<Pair<Vec<Content<'a>>>, String> {
        let expected = read(message, self.expected).map_err(|error| malformed("expected", error))?;
        let found = read(message, self.found).map_err(|error| malformed("found", error))?;
        Ok(Pair { expected, found })
    }
}

fn malformed(side: &str, error: WireError) -> String {
    format!("the {side} request: {error}")
}

impl Compare {
    fn message(&mut self, message: &'static Message, payloads: Pair<&Payload>) -> Same {
        if message.is_container {
            if self.depth >= DEPTH_MAX {
                return Err(malformed("expected", WireError::new(Fault::Depth, payloads.expected.pos())));
            }
            self.depth += 1;
        }
        let contents = payloads.read(message)?;
        if std::ptr::eq(message, &ANY_VALUE) {
            self.any_value(&contents, payloads)?;
        } else {
            for (place, field) in message.fields.iter().enumerate() {
                let pair = Pair { expected: &contents.expected[place], found: &contents.found[place] };
                // The value of an attribute stands at its key.
                let has_step = !(std::ptr::eq(message, &KEY_VALUE) && matches!(field.kind, Kind::Nested(_)));
                if has_step {
                    self.path.enter(field.name);
                }
                if field.is_list() {
                    self.lists(field, payloads)?;
                } else {
                    self.content(field, pair)?;
                }
                if has_step {
                    self.path.leave();
                }
            }
        }
        self.depth -= u8::from(message.is_container);
        Ok(())
    }

    /// Arrays and maps are compared inside. Of all other values both are shown with their types.
    fn any_value(&mut self, contents: &Pair<Vec<Content>>, pair: Pair<&Payload>) -> Same {
        for (place, field) in ANY_VALUE.fields.iter().enumerate() {
            let one = Pair { expected: &contents.expected[place], found: &contents.found[place] };
            match (one.expected, one.found) {
                (Content::Message(_), Content::Message(_)) => {
                    self.path.enter(field.name);
                    self.content(field, one)?;
                    self.path.leave();
                }
                (Content::Absent, Content::Absent) => {}
                (Content::Message(_), _) | (_, Content::Message(_)) => {
                    return self.differ_as(&ANY_VALUE, pair);
                }
                _ if self.content(field, one).is_err() => return self.differ_as(&ANY_VALUE, pair),
                _ => {}
            }
        }
        Ok(())
    }

    fn content(&mut self, field: &'static Field, pair: Pair<&Content>) -> Same {
        match (pair.expected, pair.found, field.kind) {
            (Content::Absent, Content::Absent, _) => Ok(()),
            (Content::Number(expected), Content::Number(found), kind) if is_same(kind, *expected, *found) => {
                Ok(())
            }
            (Content::Bytes(expected), Content::Bytes(found), _) if expected == found => Ok(()),
            (Content::Message(expected), Content::Message(found), Kind::Nested(message)) => {
                self.message(message, Pair { expected, found })
            }
            // An empty message is as absent as no message, unless it is one of a choice.
            (Content::Message(expected), Content::Absent, Kind::Nested(message))
                if field.rule == Rule::Plain =>
            {
                self.message(message, Pair { expected, found: &Payload::EMPTY })
            }
            (Content::Absent, Content::Message(found), Kind::Nested(message))
                if field.rule == Rule::Plain =>
            {
                self.message(message, Pair { expected: &Payload::EMPTY, found })
            }
            _ => Err(self.differ(pair.map(|content| shown(field, content)))),
        }
    }

    fn lists(&mut self, field: &'static Field, payloads: Pair<&Payload>) -> Same {
        let lists = Pair {
            expected: elements(field, payloads.expected).map_err(|error| malformed("expected", error))?,
            found: elements(field, payloads.found).map_err(|error| malformed("found", error))?,
        };
        let same = match field.rule {
            Rule::Pairs => self.attributes(field, &lists),
            _ => self.in_order(field, &lists),
        };
        self.path.whole();
        same
    }

    fn in_order(&mut self, field: &'static Field, lists: &Pair<Vec<Content>>) -> Same {
        let (expected, found) = (lists.expected.len(), lists.found.len());
        for place in 0..expected.max(found) {
            self.path.index(place);
            let one = Pair {
                expected: lists.expected.get(place).unwrap_or(&Content::Absent),
                found: lists.found.get(place).unwrap_or(&Content::Absent),
            };
            if expected == found {
                self.content(field, one)?;
            } else if place >= expected.min(found) || Compare::is_other(self.depth, field, one) {
                let text = self.differ(one.map(|content| shown(field, content)));
                return Err(format!("{text} (of {expected} elements, {found} were found)"));
            }
        }
        Ok(())
    }

    /// Whether two elements differ, in whatever.
    fn is_other(depth: u8, field: &'static Field, pair: Pair<&Content>) -> bool {
        Compare { path: Path::default(), depth }.content(field, pair).is_err()
    }

    /// Pairs by their keys. Several with the same key are compared in their order, which readers go by.
    fn attributes(&mut self, field: &'static Field, lists: &Pair<Vec<Content>>) -> Same {
        let expected = keyed(&lists.expected).map_err(|error| malformed("expected", error))?;
        let found = keyed(&lists.found).map_err(|error| malformed("found", error))?;
        let (mut expected, mut found) = (expected.into_iter().peekable(), found.into_iter().peekable());
        loop {
            let key = match (expected.peek(), found.peek()) {
                (Some(a), Some(b)) => a.0.min(b.0),
                (Some(one), None) | (None, Some(one)) => one.0,
                (None, None) => return Ok(()),
            };
            self.path.key(cut(&text_of(key), KEY_SHOWN));
            let of_key = |(other, _): &(&[u8], &Content)| *other == key;
            match (expected.next_if(of_key), found.next_if(of_key)) {
                (Some((_, expected)), Some((_, found))) => self.content(field, Pair { expected, found })?,
                (expected, found) => {
                    let value = |one: Option<(&[u8], &Content)>| match one {
                        Some((_, content)) => shown_value(field, content),
                        None => NOTHING.to_owned(),
                    };
                    return Err(self.differ(Pair { expected: value(expected), found: value(found) }));
                }
            }
        }
    }

    fn differ(&self, shown: Pair<String>) -> String {
        let Pair { expected, found } = shown;
        format!("{}: expected {expected}, found {found}", self.path)
    }

    fn differ_as(&self, message: &'static Message, pair: Pair<&Payload>) -> Same {
        Err(self.differ(pair.map(|payload| shown_message(message, payload))))
    }
}

/// Whether two numbers of a field are the same. There are many NaNs, and none is another than the others.
fn is_same(kind: Kind, expected: u64, found: u64) -> bool {
    let is_nan = |bits| f64::from_bits(bits).is_nan();
    expected == found || matches!(kind, Kind::Double) && is_nan(expected) && is_nan(found)
}

fn elements<'a>(field: &'static Field, payload: &Payload<'a>) -> Result<Vec<Content<'a>>, WireError> {
    let (mut elements, mut all) = (Elements::new(field, payload), Vec::new());
    while let Some(element) = elements.next()? {
        all.push(element);
    }
    Ok(all)
}

/// The pairs with their keys, in the order of the keys.
fn keyed<'l, 'a>(list: &'l [Content<'a>]) -> Result<Vec<(&'a [u8], &'l Content<'a>)>, WireError> {
    let mut pairs = Vec::with_capacity(list.len());
    for content in list {
        let Content::Message(payload) = content else { continue };
        let key = match read(&KEY_VALUE, payload)?.first() {
            Some(Content::Bytes(key)) => *key,
            _ => &[],
        };
        pairs.push((key, content));
    }
    pairs.sort_by_key(|(key, _)| *key);
    Ok(pairs)
}

const NOTHING: &str = "nothing";

/// What a field says, or one element of it, as JSON.
fn shown(field: &Field, content: &Content) -> String {
    if matches!(content, Content::Absent) {
        return NOTHING.to_owned();
    }
    let mut out = Vec::new();
    match (Encoder { out: &mut out, depth: 0 }).value(field.kind, content) {
        Ok(()) => cut(&String::from_utf8_lossy(&out), VALUE_SHOWN),
        Err(error) => format!("({error})"),
    }
}

/// The value of an attribute, whose key the path has.
fn shown_value(field: &Field, content: &Content) -> String {
    match content {
        Content::Message(payload) => match read(&KEY_VALUE, payload).as_deref() {
            Ok([_, Content::Message(value), ..]) => shown_message(&ANY_VALUE, value),
            Ok(_) => "{}".to_owned(),
            Err(error) => format!("({error})"),
        },
        _ => shown(field, content),
    }
}

fn shown_message(message: &'static Message, payload: &Payload) -> String {
    let mut out = Vec::new();
    match (Encoder { out: &mut out, depth: 0 }).message(message, payload) {
        Ok(()) => cut(&String::from_utf8_lossy(&out), VALUE_SHOWN),
        Err(error) => format!("({error})"),
    }
}

fn text_of(key: &[u8]) -> String {
    format!("{:?}", String::from_utf8_lossy(key))
}

fn cut(text: &str, max: usize) -> String {
    if text.len() <= max {
        return text.to_owned();
    }
    let end = (0..=max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}...", &text[..end])
}
