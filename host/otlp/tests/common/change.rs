//! Random valid edits: as a plugin's answer, and applied to the tree one after the other.

use std::collections::HashSet;

use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value};
use prost::Message;
use weir_otlp::{field, kind, level, op};

use super::decode::Ids;
use super::dice::Dice;
use super::interests::Allows;
use super::model::{Entity, Field, Id, Leaf, Model, Name, Value, What};
use super::requests;
use super::seen::{Numbers, bytes_of};

/// A plugin's answer.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub index: Vec<u32>,
    pub bytes: Vec<u8>,
    names: u32,
}

impl Answer {
    pub fn push(&mut self, op: u8, kind: u8, target: u32, field: u32, value: &[u8]) {
        if self.index.is_empty() {
            self.index = vec![2, 0];
        }
        self.index[1] += 1;
        self.bytes.extend_from_slice(value);
        let what = u32::from(op) | u32::from(kind) << 8;
        self.index.extend([what, target, field, self.bytes.len() as u32]);
    }

    /// Defines a key, and says the field that it is from now on.
    pub fn name(&mut self, key: &str) -> u32 {
        self.push(op::NAME, kind::STRING, 0, 0, key.as_bytes());
        self.names += 1;
        field::DEFINED + self.names - 1
    }
}

/// What edits have touched, by the ids of entities.
#[derive(Default)]
pub struct Touched {
    /// Written to.
    pub written: HashSet<u32>,
    /// Have lost a child.
    pub reduced: HashSet<u32>,
    pub dropped: bool,
}

/// A cell as the plugin sees it.
struct Target {
    id: Id,
    number: u32,
    entity: Id,
    what: What,
    /// The field or attribute in which it stands.
    top: Name,
    depth: u8,
}

pub struct Changer<'a> {
    pub model: &'a mut Model,
    pub allows: &'a Allows<'a>,
    pub numbers: &'a Numbers,
    /// The names that the view adds.
    pub names: &'a [String],
    pub ids: &'a mut Ids,
    pub touched: &'a mut Touched,
}

impl Changer<'_> {
    pub fn answer(&mut self, dice: &mut Dice) -> Answer {
        let mut answer = Answer::default();
        let cells = self.targets();
        let mut entities = Vec::new();
        self.model.each(&mut |entity| {
            if let Some((_, number)) = self.numbers.entities.iter().find(|(id, _)| id.0 == entity.id.0) {
                entities.push((entity.id, *number, entity.what));
            }
        });
        let mut used = HashSet::new();
        for _ in 0..dice.below(12) {
            let entity = (!entities.is_empty()).then(|| entities[dice.below(entities.len().min(256))]);
            let cell = (!cells.is_empty()).then(|| &cells[dice.below(cells.len().min(256))]);
            match (dice.below(10), entity, cell) {
                (0, Some((id, number, what)), _) if self.allows.may_drop(what) => {
                    answer.push(op::DROP, 0, number, 0, &[]);
                    self.drop(id);
                }
                (1..=4, Some((id, number, what)), _) => self.set(dice, &mut answer, id, number, what),
                (5..=6, _, Some(cell)) if used.insert((cell.number, op::REPLACE)) => {
                    self.replace(dice, &mut answer, cell);
                }
                (7, _, Some(cell)) if !used.contains(&(cell.number, op::REPLACE)) => {
                    let is_new = used.insert((cell.number, op::RENAME));
                    used.insert((cell.number, op::REPLACE));
                    if is_new {
                        self.remove(&mut answer, cell);
                    }
                }
                (8.., _, Some(cell)) if used.insert((cell.number, op::RENAME)) => {
                    self.rename(dice, &mut answer, cell);
                }
                _ => {}
            }
        }
        answer
    }

    fn targets(&self) -> Vec<Target> {
        let mut targets = Vec::new();
        self.model.each(&mut |entity| {
            for field in &entity.fields {
                self.collect(entity, &field.name, &field.leaf, 0, &mut targets);
            }
        });
        targets
    }

    fn collect(&self, entity: &Entity, top: &Name, leaf: &Leaf, depth: u8, targets: &mut Vec<Target>) {
        if let Some((id, number)) = self.numbers.cells.iter().find(|(id, _)| id.0 == leaf.id.0) {
            let (entity, what, top) = (entity.id, entity.what, top.clone());
            targets.push(Target { id: *id, number: *number, entity, what, top, depth });
        }
        match &leaf.value {
            Value::Array(inner) => {
                inner.iter().for_each(|leaf| self.collect(entity, top, leaf, depth + 1, targets));
            }
            Value::Map(inner) => {
                inner.iter().for_each(|(_, leaf)| self.collect(entity, top, leaf, depth + 1, targets));
            }
            _ => {}
        }
    }

    fn may_write(&self, cell: &Target) -> bool {
        let exists = match &cell.top {
            Name::Code(code) => cell.what.writable().iter().any(|(writable, _, _)| writable == code),
            _ => true,
        };
        exists && self.allows.may_write(cell.what, &cell.top)
    }

    /// A value that the field can have: kind and bytes of the edit, and what it means.
    fn value(&mut self, dice: &mut Dice, what: What, name: &Name, depth: u8) -> (u8, Vec<u8>, Value) {
        let code = match name {
            Name::Code(code) if depth == 0 && *code != field::BODY => *code,
            _ => return self.any(dice),
        };
        let choices: Vec<_> = what.writable().iter().filter(|(writable, _, _)| *writable == code).collect();
        let &(_, kind, max) = choices[dice.below(choices.len())];
        let value = match kind {
            kind::STRING => Value::Str(requests::text(dice)),
            kind::INT if max <= 24 => Value::Int(dice.below(max as usize + 1) as u64),
            kind::INT => Value::Int(requests::number(dice) & max),
            kind::DOUBLE => Value::Double(dice.pick(&[0.0, 2.5, -1e9_f64]).to_bits()),
            _ if code == field::PARENT_SPAN_ID && dice.percent(20) => Value::Bytes(Vec::new()),
            _ => Value::Bytes((0..max).map(|_| dice.byte()).collect()),
        };
        (kind, bytes_of(&value), value)
    }

    fn any(&mut self, dice: &mut Dice) -> (u8, Vec<u8>, Value) {
        if dice.percent(25) {
            let value = requests::any_value(dice, 2);
            return (kind::ENCODED, value.encode_to_vec(), self.ids.any(&value).value);
        }
        let value = loop {
            let AnyValue { value } = requests::any_value(dice, 0);
            if !matches!(value, Some(any_value::Value::StringValueStrindex(_))) {
                break self.ids.any(&AnyValue { value }).value;
            }
        };
        (value.kind(), bytes_of(&value), value)
    }

    /// The number of a key, in one of the ways in which an edit can name it.
    fn key_number(&self, dice: &mut Dice, answer: &mut Answer, key: &str) -> Option<u32> {
        let base = field::NAMED + self.allows.interest.selectors.len() as u32;
        let among_names = self.names.iter().position(|name| name == key).map(|place| base + place as u32);
        let known = self.allows.number(key).or(among_names);
        match known {
            Some(number) if key.is_empty() || dice.percent(70) => Some(number),
            _ if key.is_empty() => None,
            _ => Some(answer.name(key)),
        }
    }

    fn key(&self, dice: &mut Dice) -> String {
        if dice.percent(20) { "new.key".to_owned() } else { dice.pick(&requests::KEYS).to_owned() }
    }

    fn set(&mut self, dice: &mut Dice, answer: &mut Answer, id: Id, target: u32, what: What) {
        let name = if dice.percent(40) {
            Name::Code(what.writable()[dice.below(what.writable().len())].0)
        } else {
            Name::Key(self.key(dice))
        };
        if !self.allows.may_write(what, &name) {
            return;
        }
        let number = match &name {
            Name::Code(code) => Some(*code),
            Name::Key(key) => self.key_number(dice, answer, key),
            Name::Element => None,
        };
        let Some(number) = number else { return };
        let op = dice.pick(&[op::SET, op::SET, op::INSERT, op::UNSET]);
        self.touched.written.insert(id.0);
        if op == op::UNSET {
            answer.push(op, 0, target, number, &[]);
            if let Some(entity) = self.model.entity_mut(id) {
                entity.fields.retain(|field| field.name != name);
            }
            return;
        }
        let (kind, bytes, value) = self.value(dice, what, &name, 0);
        answer.push(op, kind, target, number, &bytes);
        let leaf = self.ids.leaf(value);
        if let Some(entity) = self.model.entity_mut(id) {
            set(entity, name, leaf, op == op::INSERT);
        }
    }

    fn replace(&mut self, dice: &mut Dice, answer: &mut Answer, cell: &Target) {
        if !self.may_write(cell) {
            return;
        }
        let (kind, bytes, value) = self.value(dice, cell.what, &cell.top, cell.depth);
        answer.push(op::REPLACE, kind, cell.number, 0, &bytes);
        self.touched.written.insert(cell.entity.0);
        let unsets = value.is_zero()
            && cell.depth == 0
            && matches!(cell.top, Name::Code(code) if !cell.what.keeps_zero(code));
        self.change(cell.id, if unsets { None } else { Some(&value) });
    }

    fn remove(&mut self, answer: &mut Answer, cell: &Target) {
        if self.may_write(cell) {
            answer.push(op::REMOVE, 0, cell.number, 0, &[]);
            self.touched.written.insert(cell.entity.0);
            self.change(cell.id, None);
        }
    }

    fn rename(&mut self, dice: &mut Dice, answer: &mut Answer, cell: &Target) {
        let key = self.key(dice);
        let name = Name::Key(key.clone());
        let is_attribute = matches!(cell.top, Name::Key(_)) && cell.depth == 0;
        if !is_attribute || !self.may_write(cell) || !self.allows.may_write(cell.what, &name) {
            return;
        }
        let Some(number) = self.key_number(dice, answer, &key) else { return };
        answer.push(op::RENAME, 0, cell.number, number, &[]);
        self.touched.written.insert(cell.entity.0);
        if let Some((entity, _)) = self.model.owner_mut(cell.id) {
            entity.fields.retain(|field| field.name != name || field.leaf.id.0 == cell.id.0);
            let field = entity.fields.iter_mut().find(|field| field.leaf.id.0 == cell.id.0);
            field.unwrap().name = name;
        }
    }

    /// Gives a cell another value, or removes it.
    fn change(&mut self, id: Id, to: Option<&Value>) {
        let Some((entity, place)) = self.model.owner_mut(id) else { return };
        let leaf = &mut entity.fields[place].leaf;
        match to {
            _ if leaf.id.0 != id.0 => leaf.change_inside(id, to),
            Some(value) => leaf.value = value.clone(),
            None => drop(entity.fields.remove(place)),
        }
    }

    fn drop(&mut self, id: Id) {
        fn remove(entities: &mut Vec<Entity>, id: Id, touched: &mut Touched) -> bool {
            for place in 0..entities.len() {
                let entity = &mut entities[place];
                let is_it = entity.id.0 == id.0;
                if is_it || remove(&mut entity.children, id, touched) {
                    touched.reduced.insert(entity.id.0);
                    if is_it || entity.children.is_empty() && entity.what.level() < level::ITEM {
                        entities.remove(place);
                    }
                    return true;
                }
            }
            false
        }
        self.touched.dropped |= remove(&mut self.model.groups, id, self.touched);
    }
}

fn set(entity: &mut Entity, name: Name, leaf: Leaf, only_if_absent: bool) {
    let place = entity.fields.iter().position(|field| field.name == name);
    let unsets = matches!(name, Name::Code(code) if leaf.value.is_zero() && !entity.what.keeps_zero(code));
    match place {
        Some(_) if only_if_absent => {}
        _ if unsets => entity.fields.retain(|field| field.name != name),
        Some(place) => {
            // The first of that name takes the value, and is the only one from now on.
            entity.fields[place].leaf.value = leaf.value;
            let mut at = 0;
            entity.fields.retain(|field| {
                at += 1;
                at == place + 1 || field.name != name
            });
        }
        None => {
            entity.fields.push(Field { name, leaf });
            // OTLP's own fields stand before attributes, by code.
            entity.fields.sort_by_key(|field| match &field.name {
                Name::Code(code) => *code,
                _ => u32::MAX,
            });
        }
    }
}
