//! The parts of a split hold every item once, in order, below the same messages: compared as decoded, and as raw records.

use bytes::Bytes;
use weir_otlp::{Part, Signal, SplitLimits, count, split};

use super::checks;
use super::decode;
use super::dice::Dice;
use super::model::{Entity, Field};
use super::outline::{Message, records};

/// The most parts that are looked at: with limits of one byte and large envelopes, all of them would be too much for a fuzzer.
const PARTS_MAX: usize = 500;

fn limits(dice: &mut Dice) -> SplitLimits {
    let items = dice.pick(&[0, 1, 1, 2, 3, 5, 8, 20]);
    let bytes = dice.pick(&[0, 0, 1, 20, 60, 120, 300, 700, 1500, 4000]);
    SplitLimits { items, bytes }
}

/// A valid request in parts says what it said as a whole.
pub fn split_of_valid_request(data: &[u8]) {
    let (how, request) = data.split_at(data.len().min(2));
    let limits = limits(&mut Dice::new(how));
    let (signal, request) = checks::valid_request(&mut Dice::new(request));
    let request = Bytes::from(request);
    let parts: Vec<Part> = split(signal, &request, limits).unwrap().collect();
    same_meaning(signal, &request, &parts);
    within(signal, limits, &parts);
    let items = count(signal, &request).unwrap();
    let fits = limits.bytes == 0 || request.len() as u64 <= limits.bytes;
    if fits && (limits.items == 0 || items <= limits.items) {
        assert_eq!(parts, [Part { payload: request, items }]);
    } else if limits.bytes == 0 && limits.items > 0 {
        let filled = items.div_ceil(limits.items);
        assert_eq!(parts.len() as u64, filled, "each part is filled as far as it goes");
    }
}

/// Each part is within the limits, or one item alone.
fn within(signal: Signal, limits: SplitLimits, parts: &[Part]) {
    for part in parts {
        assert_eq!(count(signal, &part.payload).unwrap(), part.items);
        assert!(limits.items == 0 || part.items <= limits.items);
        let fits = limits.bytes == 0 || part.payload.len() as u64 <= limits.bytes;
        if !fits && part.items > 0 {
            assert_eq!(raw_leaves(signal, &part.payload).len(), 1, "what is larger is alone");
        }
    }
}

fn same_meaning(signal: Signal, request: &[u8], parts: &[Part]) {
    let model = |bytes: &[u8]| decoded_leaves(&decode::model(signal, bytes).unwrap().groups, &[]);
    let raw: Vec<Leaf> = parts.iter().flat_map(|part| raw_leaves(signal, &part.payload)).collect();
    assert_eq!(raw, raw_leaves(signal, request));
    let decoded: Vec<Vec<Vec<Field>>> = parts.iter().flat_map(|part| model(&part.payload)).collect();
    assert_eq!(decoded, model(request));
}

/// For each entity without others in it, its fields and those of all entities around it.
fn decoded_leaves(entities: &[Entity], around: &[Vec<Field>]) -> Vec<Vec<Vec<Field>>> {
    let mut leaves = Vec::new();
    for entity in entities {
        let path: Vec<Vec<Field>> = around.iter().cloned().chain([entity.fields.clone()]).collect();
        if entity.children.is_empty() {
            leaves.push(path);
        } else {
            leaves.extend(decoded_leaves(&entity.children, &path));
        }
    }
    leaves
}

/// Of an item, or of a message without items: its records and what stands around it, from the request inwards.
type Leaf = Vec<Vec<(u32, u8, Vec<u8>)>>;

/// Every item with all that stands around it, unknown fields included, in the order of the request.
fn raw_leaves(signal: Signal, request: &[u8]) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    descend(Message::Request(signal), request, &Vec::new(), &mut leaves);
    leaves
}

fn descend(message: Message, bytes: &[u8], around: &Leaf, leaves: &mut Vec<Leaf>) {
    let (mut envelope, mut inner) = (Vec::new(), Vec::new());
    for record in records(bytes) {
        match message.child(record.number) {
            Some(child) if !message.is_item() && is_cut_at(child) => inner.push((child, record.value)),
            _ => envelope.push((record.number, record.wire, record.value.to_vec())),
        }
    }
    let path: Leaf = around.iter().cloned().chain([envelope]).collect();
    if inner.is_empty() {
        leaves.push(path);
        return;
    }
    for (child, bytes) in inner {
        descend(child, bytes, &path, leaves);
    }
}

fn is_cut_at(child: Message) -> bool {
    use Message::*;
    let holds_items =
        matches!(child, Group(_) | ScopeGroup(_) | Metric | Numbers | Histograms | Exponentials | Summaries);
    holds_items || child.is_item()
}

/// Any bytes: refused exactly if they cannot be counted, or cut without losing an item.
pub fn split_of_any_bytes(data: &[u8]) {
    let (how, bytes) = data.split_at(data.len().min(2));
    any_bytes(limits(&mut Dice::new(how)), bytes);
}

/// A valid request with some bytes changed.
pub fn split_of_mutated_request(data: &[u8]) {
    let (how, request) = data.split_at(data.len().min(2));
    any_bytes(limits(&mut Dice::new(how)), &checks::mutated_request(request));
}

fn any_bytes(limits: SplitLimits, bytes: &[u8]) {
    let payload = Bytes::copy_from_slice(bytes);
    for signal in Signal::ALL {
        let counted = count(signal, bytes);
        let parts = split(signal, &payload, limits);
        assert_eq!(parts.as_ref().map(|_| ()).map_err(|error| *error), counted.map(|_| ()));
        let (Ok(items), Ok(mut parts)) = (counted, parts) else { continue };
        let mut seen = 0;
        for part in parts.by_ref().take(PARTS_MAX) {
            assert_eq!(count(signal, &part.payload).unwrap(), part.items);
            seen += part.items;
        }
        if parts.next().is_none() {
            assert_eq!(seen, items);
        }
    }
}
