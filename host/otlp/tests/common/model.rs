//! What a request says, as a plain tree: entities, their fields and attributes, and what is inside of these.

use weir_otlp::{Signal, field, kind, level};

/// Tells cells and entities apart. Two trees are the same whatever their ids.
#[derive(Clone, Copy, Debug, Default)]
pub struct Id(pub u32);

impl PartialEq for Id {
    fn eq(&self, _: &Id) -> bool {
        true
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Str(String),
    Bool(bool),
    Int(u64),
    Double(u64),
    Bytes(Vec<u8>),
    Array(Vec<Leaf>),
    Map(Vec<(String, Leaf)>),
    Empty,
    Uints(Vec<u64>),
    Doubles(Vec<u64>),
    Opaque,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    pub id: Id,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Name {
    Code(u32),
    Key(String),
    Element,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: Name,
    pub leaf: Leaf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    Resource,
    Scope,
    Metric,
    Span,
    Log,
    Number,
    Histogram,
    Exponential,
    Summary,
    Event,
    Link,
    Exemplar,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    pub id: Id,
    pub what: What,
    /// OTLP's own by code, then attributes in their order.
    pub fields: Vec<Field>,
    /// By level, then in their order.
    pub children: Vec<Entity>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    pub signal: Signal,
    pub groups: Vec<Entity>,
}

impl Value {
    pub fn kind(&self) -> u8 {
        match self {
            Value::Str(_) => kind::STRING,
            Value::Bool(_) => kind::BOOL,
            Value::Int(_) => kind::INT,
            Value::Double(_) => kind::DOUBLE,
            Value::Bytes(_) => kind::BYTES,
            Value::Array(_) => kind::ARRAY,
            Value::Map(_) => kind::MAP,
            Value::Empty => kind::EMPTY,
            Value::Uints(_) => kind::UINTS,
            Value::Doubles(_) => kind::DOUBLES,
            Value::Opaque => kind::OPAQUE,
        }
    }

    pub fn is_zero(&self) -> bool {
        match self {
            Value::Str(text) => text.is_empty(),
            Value::Bytes(bytes) => bytes.is_empty(),
            Value::Bool(on) => !on,
            Value::Int(bits) | Value::Double(bits) => *bits == 0,
            _ => false,
        }
    }
}

impl What {
    pub fn level(self) -> u8 {
        match self {
            What::Resource => level::RESOURCE,
            What::Scope => level::SCOPE,
            What::Metric => level::METRIC,
            What::Event => level::EVENT,
            What::Link => level::LINK,
            What::Exemplar => level::EXEMPLAR,
            _ => level::ITEM,
        }
    }

    /// The fields that plugins may write, with the kind and the greatest number of each.
    pub fn writable(self) -> &'static [(u32, u8, u64)] {
        use field::*;
        const U32: u64 = u32::MAX as u64;
        const U64: u64 = u64::MAX;
        const S: u8 = kind::STRING;
        const B: u8 = kind::BYTES;
        const I: u8 = kind::INT;
        const D: u8 = kind::DOUBLE;
        match self {
            What::Resource => &[(SCHEMA_URL, S, 0), (DROPPED_ATTRIBUTES, I, U32)],
            What::Scope => &[(SCHEMA_URL, S, 0), (NAME, S, 0), (VERSION, S, 0), (DROPPED_ATTRIBUTES, I, U32)],
            What::Metric => &[(NAME, S, 0), (DESCRIPTION, S, 0), (UNIT, S, 0)],
            What::Span => &[
                (NAME, S, 0),
                (STATUS_MESSAGE, S, 0),
                (TRACE_STATE, S, 0),
                (TRACE_ID, B, 16),
                (SPAN_ID, B, 8),
                (PARENT_SPAN_ID, B, 8),
                (KIND, I, 5),
                (STATUS_CODE, I, 2),
                (FLAGS, I, U32),
                (START_TIME, I, U64),
                (END_TIME, I, U64),
                (DROPPED_ATTRIBUTES, I, U32),
                (DROPPED_EVENTS, I, U32),
                (DROPPED_LINKS, I, U32),
            ],
            What::Log => &[
                (BODY, kind::NONE, 0),
                (SEVERITY_TEXT, S, 0),
                (EVENT_NAME, S, 0),
                (TRACE_ID, B, 16),
                (SPAN_ID, B, 8),
                (FLAGS, I, U32),
                (TIME, I, U64),
                (OBSERVED_TIME, I, U64),
                (SEVERITY_NUMBER, I, 24),
                (DROPPED_ATTRIBUTES, I, U32),
            ],
            What::Number => {
                &[(FLAGS, I, U32), (START_TIME, I, U64), (TIME, I, U64), (VALUE, I, U64), (VALUE, D, U64)]
            }
            What::Histogram | What::Exponential => &[
                (FLAGS, I, U32),
                (START_TIME, I, U64),
                (TIME, I, U64),
                (COUNT, I, U64),
                (SUM, D, 0),
                (MIN, D, 0),
                (MAX, D, 0),
            ],
            What::Summary => {
                &[(FLAGS, I, U32), (START_TIME, I, U64), (TIME, I, U64), (COUNT, I, U64), (SUM, D, 0)]
            }
            What::Event => &[(NAME, S, 0), (TIME, I, U64), (DROPPED_ATTRIBUTES, I, U32)],
            What::Link => &[
                (TRACE_STATE, S, 0),
                (TRACE_ID, B, 16),
                (SPAN_ID, B, 8),
                (FLAGS, I, U32),
                (DROPPED_ATTRIBUTES, I, U32),
            ],
            What::Exemplar => {
                &[(TRACE_ID, B, 16), (SPAN_ID, B, 8), (TIME, I, U64), (VALUE, I, U64), (VALUE, D, U64)]
            }
        }
    }

    /// Whether the zero of a field is a value like others.
    pub fn keeps_zero(self, code: u32) -> bool {
        match code {
            field::BODY | field::VALUE => true,
            field::SUM | field::MIN | field::MAX => self != What::Summary,
            _ => false,
        }
    }
}

impl Model {
    pub fn items(&self) -> usize {
        let mut items = 0;
        self.each(&mut |entity| items += usize::from(entity.what.level() == level::ITEM));
        items
    }

    pub fn each<'m>(&'m self, visit: &mut dyn FnMut(&'m Entity)) {
        fn walk<'m>(entities: &'m [Entity], visit: &mut dyn FnMut(&'m Entity)) {
            for entity in entities {
                visit(entity);
                walk(&entity.children, visit);
            }
        }
        walk(&self.groups, visit);
    }

    pub fn entity_mut(&mut self, id: Id) -> Option<&mut Entity> {
        fn find(entities: &mut [Entity], id: Id) -> Option<&mut Entity> {
            for entity in entities {
                if entity.id.0 == id.0 {
                    return Some(entity);
                }
                if let Some(found) = find(&mut entity.children, id) {
                    return Some(found);
                }
            }
            None
        }
        find(&mut self.groups, id)
    }

    /// Every attribute or field of an entity, with the entity, that has a leaf with this id in it.
    pub fn owner_mut(&mut self, leaf: Id) -> Option<(&mut Entity, usize)> {
        let mut found = None;
        self.each(&mut |entity| {
            for (place, field) in entity.fields.iter().enumerate() {
                if field.leaf.holds(leaf) {
                    found = Some((entity.id, place));
                }
            }
        });
        let (entity, place) = found?;
        Some((self.entity_mut(entity)?, place))
    }
}

impl Leaf {
    pub fn holds(&self, id: Id) -> bool {
        self.id.0 == id.0
            || match &self.value {
                Value::Array(inner) => inner.iter().any(|leaf| leaf.holds(id)),
                Value::Map(inner) => inner.iter().any(|(_, leaf)| leaf.holds(id)),
                _ => false,
            }
    }

    /// Gives a leaf inside of this one another value, or removes it.
    pub fn change_inside(&mut self, id: Id, to: Option<&Value>) {
        let change = |leaf: &mut Leaf| {
            if leaf.id.0 == id.0 {
                if let Some(value) = to {
                    leaf.value = value.clone();
                }
                return to.is_some();
            }
            leaf.change_inside(id, to);
            true
        };
        match &mut self.value {
            Value::Array(inner) => inner.retain_mut(change),
            Value::Map(inner) => {
                inner.retain_mut(|(_, leaf)| change(leaf));
            }
            _ => {}
        }
    }
}
