//! Random interests, and what they allow, computed plainly.

use weir_otlp::{Interest, READ, Selector, Signal, WRITE, field, kind};

use super::dice::Dice;
use super::model::{Entity, Leaf, Name, Value, What};
use super::requests::KEYS;

pub fn interest(dice: &mut Dice, signal: Signal) -> Interest {
    let mut interest = Interest { signals: signal.bit(), ..Interest::default() };
    if dice.percent(30) {
        interest.signals |= 0b1110;
    }
    if dice.percent(40) {
        interest.drops = u32::from(dice.byte());
    }
    for _ in 0..1 + dice.below(6) {
        interest.selectors.push(selector(dice));
    }
    interest
}

/// Reads and writes everything.
pub fn everything() -> Interest {
    let mut interest = Interest { signals: 0b1110, drops: 0xff, ..Interest::default() };
    let all = |field: u32, name: &str| Selector {
        field,
        access: READ | WRITE,
        name: name.to_owned(),
        ..Selector::default()
    };
    interest.selectors.push(all(field::ATTRIBUTE, "*"));
    interest.selectors.extend((field::SCHEMA_URL..field::CODES as u32).map(|code| all(code, "")));
    interest
}

fn selector(dice: &mut Dice) -> Selector {
    let mut selector = Selector { field: field::ATTRIBUTE, ..Selector::default() };
    selector.access = dice.pick(&[READ, READ, WRITE, READ | WRITE, READ | WRITE]);
    if dice.percent(30) {
        selector.levels = u32::from(dice.byte()) | 1 << 4;
    }
    if dice.percent(15) {
        selector.signals = dice.pick(&[0b0010, 0b0100, 0b1000, 0b1110]);
    }
    if dice.percent(30) {
        selector.kinds = dice.pick(&[
            1 << kind::STRING,
            1 << kind::STRING | 1 << kind::BYTES,
            1 << kind::INT | 1 << kind::DOUBLE | 1 << kind::BOOL,
            1 << kind::MAP,
            1 << kind::EMPTY | 1 << kind::ARRAY | 1 << kind::OPAQUE,
            1 << kind::UINTS | 1 << kind::DOUBLES,
        ]);
    }
    if dice.percent(45) {
        let codes = field::CODES as u32 - field::SCHEMA_URL;
        selector.field = field::SCHEMA_URL + dice.below(codes as usize) as u32;
    } else {
        selector.name = match dice.below(4) {
            0 => "*".to_owned(),
            1 => dice.pick(&["http.*", "a*", "user.*"]).to_owned(),
            _ => dice.pick(&["a", "b", "http.route", "user.email", "new.key", KEYS[5], KEYS[8]]).to_owned(),
        };
    }
    selector
}

/// What an interest allows for one signal.
pub struct Allows<'a> {
    pub interest: &'a Interest,
    pub signal: Signal,
}

impl<'a> Allows<'a> {
    fn selectors(&self) -> impl Iterator<Item = &'a Selector> {
        let signal = self.signal;
        let interest = self.interest;
        interest.selectors.iter().filter(move |s| s.signals == 0 || s.signals & signal.bit() != 0)
    }

    fn means<'s>(&'s self, what: What, name: &'s Name) -> impl Iterator<Item = &'a Selector> + 's {
        self.selectors().filter(move |selector| {
            let at_level = selector.levels == 0 || selector.levels & 1 << what.level() != 0;
            at_level
                && match name {
                    Name::Code(code) => selector.field == *code,
                    Name::Key(key) => selector.field == field::ATTRIBUTE && is_match(&selector.name, key),
                    Name::Element => false,
                }
        })
    }

    /// The kinds that are read of a field.
    pub fn kinds(&self, what: What, name: &Name) -> u32 {
        let reads = self.means(what, name).filter(|selector| selector.access & READ != 0);
        reads.fold(0, |kinds, s| kinds | if s.kinds == 0 { u32::MAX } else { s.kinds })
    }

    pub fn may_write(&self, what: What, name: &Name) -> bool {
        self.means(what, name).any(|selector| selector.access & WRITE != 0)
    }

    pub fn may_drop(&self, what: What) -> bool {
        self.interest.drops & 1 << what.level() != 0
    }

    /// Whether an entity is shown even without cells.
    pub fn shows_always(&self, what: What) -> bool {
        self.may_drop(what)
            || self.selectors().any(|selector| {
                let at_level = selector.levels == 0 || selector.levels & 1 << what.level() != 0;
                at_level && selector.access & WRITE != 0 && self.level_has(what, selector.field)
            })
    }

    /// Whether any entity of that level, in this signal, has the field.
    fn level_has(&self, what: What, code: u32) -> bool {
        use What::*;
        let siblings: &[What] = match what {
            Number | Histogram | Exponential | Summary => &[Number, Histogram, Exponential, Summary],
            _ => &[what],
        };
        code == field::ATTRIBUTE || siblings.iter().any(|&what| has(what, code))
    }

    /// The field's number, if the interest names the key.
    pub fn number(&self, key: &str) -> Option<u32> {
        let named = |s: &Selector| s.field == field::ATTRIBUTE && s.name == key && !key.ends_with('*');
        let place = self.interest.selectors.iter().position(named)?;
        Some(field::NAMED + place as u32)
    }

    /// Whether anything of a field is shown.
    pub fn shows(&self, entity: &Entity, name: &Name, leaf: &Leaf) -> bool {
        is_read(self.kinds(entity.what, name), leaf)
    }
}

/// Whether a value, or anything inside of it, is of one of the kinds.
pub fn is_read(kinds: u32, leaf: &Leaf) -> bool {
    kinds >> leaf.value.kind() & 1 != 0
        || match &leaf.value {
            Value::Array(inner) => inner.iter().any(|leaf| is_read(kinds, leaf)),
            Value::Map(inner) => inner.iter().any(|(_, leaf)| is_read(kinds, leaf)),
            _ => false,
        }
}

fn is_match(pattern: &str, key: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => key.starts_with(prefix),
        None => pattern == key,
    }
}

fn has(what: What, code: u32) -> bool {
    use field::*;
    what.writable().iter().any(|(writable, _, _)| *writable == code)
        || match what {
            What::Metric => matches!(code, TEMPORALITY | MONOTONIC | DATA_TYPE),
            What::Histogram => matches!(code, BUCKET_COUNTS | EXPLICIT_BOUNDS),
            What::Exponential => (SCALE..=NEGATIVE_COUNTS).contains(&code),
            What::Summary => matches!(code, QUANTILES | QUANTILE_VALUES),
            _ => false,
        }
}
