//! The properties of the JSON codec: each takes bytes, which proptest or a fuzzer chooses, and panics if it does not hold.

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use weir_otlp::{Plan, Signal, Tape, json};

use super::checks::{SIGNALS, mutated_request, valid_request};
use super::decode;
use super::dice::Dice;
use super::model::{Entity, Leaf, Model, Value};

/// How much longer than the text the bytes may be, and the other way round.
const BYTES_PER_TEXT: usize = 4;
const TEXT_PER_BYTES: usize = 16;

/// The request as opentelemetry-proto writes it, which tells any two meanings apart.
pub fn canonical(signal: Signal, request: &[u8]) -> Vec<u8> {
    match signal {
        Signal::Traces => ExportTraceServiceRequest::decode(request).unwrap().encode_to_vec(),
        Signal::Metrics => ExportMetricsServiceRequest::decode(request).unwrap().encode_to_vec(),
        _ => ExportLogsServiceRequest::decode(request).unwrap().encode_to_vec(),
    }
}

pub fn encoded(signal: Signal, request: &[u8]) -> String {
    let mut out = b"before".to_vec();
    json::encode(signal, request, &mut out).unwrap();
    assert_eq!(out.drain(..6).as_slice(), b"before", "it appends");
    assert!(out.len() <= TEXT_PER_BYTES * request.len() + 2, "{} of {}", out.len(), request.len());
    String::from_utf8(out).unwrap()
}

fn is_valid(signal: Signal, request: &[u8]) -> bool {
    Tape::default().walk(&Plan::new(signal, &[]), request).is_ok()
}

/// A request, as odd as the wire format allows, comes back from JSON as the same message.
pub fn round_trip(data: &[u8]) {
    let (signal, request) = valid_request(&mut Dice::new(data));
    let text = encoded(signal, &request);
    let back = json::decode(signal, text.as_bytes()).unwrap();
    assert_eq!(json::difference(signal, &request, &back), None, "{text}");
    assert_eq!(canonical(signal, &request), canonical(signal, &back), "{text}");
}

/// Whatever a text is, it is refused or becomes a valid request, which means what its own JSON says.
pub fn any_text(text: &[u8]) {
    for signal in SIGNALS {
        match json::decode(signal, text) {
            Err(error) => assert!(error.to_string().len() < 1000),
            Ok(request) => {
                assert!(request.len() <= BYTES_PER_TEXT * text.len());
                assert!(is_valid(signal, &request));
                let again = encoded(signal, &request);
                let back = json::decode(signal, again.as_bytes()).unwrap();
                assert_eq!(json::difference(signal, &request, &back), None);
                assert_eq!(encoded(signal, &back), again);
            }
        }
    }
}

/// The JSON of a request with some bytes changed, cut, doubled or moved.
pub fn mutated_text(data: &[u8]) {
    let (request, changes) = data.split_at(data.len() / 2);
    let (signal, request) = valid_request(&mut Dice::new(request));
    let mut text = encoded(signal, &request).into_bytes();
    let dice = &mut Dice::new(changes);
    for _ in 0..1 + dice.below(4) {
        let at = (dice.word() % (text.len() as u64 + 1)) as usize;
        match dice.below(6) {
            0 => text.truncate(at),
            1 => text.insert(at, dice.byte()),
            2 => text.insert(at, dice.pick(b"{}[]\",:\\-0123456789.eEntfu ")),
            3 if at < text.len() => drop(text.remove(at)),
            4 if at < text.len() => text[at] ^= 1 << dice.below(8),
            _ => {
                let end = (at + dice.below(60)).min(text.len());
                let piece = text[at..end].to_vec();
                let to = (dice.word() % (text.len() as u64 + 1)) as usize;
                text.splice(to..to, piece);
            }
        }
    }
    any_text(&text);
}

/// A valid request with some bytes changed, removed or added.
pub fn mutated_bytes(data: &[u8]) {
    any_request(&mutated_request(data));
}

/// Whatever bytes are: what the walk accepts has JSON, and nothing else that bytes may be is more than an error.
pub fn any_request(request: &[u8]) {
    for signal in SIGNALS {
        let mut out = Vec::new();
        match json::encode(signal, request, &mut out) {
            Err(_) => {
                assert!(out.is_empty());
                assert!(!is_valid(signal, request), "the walk accepts what cannot be JSON");
                assert!(json::difference(signal, request, request).is_some());
            }
            Ok(()) => {
                assert!(out.len() <= TEXT_PER_BYTES * request.len() + 2);
                match json::decode(signal, &out) {
                    Ok(back) => assert_eq!(json::difference(signal, request, &back), None),
                    // Bytes may have ids of any length.
                    Err(error) => assert!(error.to_string().contains("this id has"), "{error}"),
                }
            }
        }
    }
}

/// Two requests are the same exactly if their trees are, apart from the order of attributes.
pub fn difference_of_two(data: &[u8]) {
    let (signal, first) = valid_request(&mut Dice::new(data));
    let mut changed = data.to_vec();
    let at = data.first().map_or(0, |byte| usize::from(*byte) * data.len() / 256);
    if let Some(byte) = changed.get_mut(at) {
        *byte = byte.wrapping_add(128);
    }
    let (other, second) = valid_request(&mut Dice::new(&changed));
    if signal != other {
        return;
    }
    let one_way = json::difference(signal, &first, &second);
    let other_way = json::difference(signal, &second, &first);
    assert_eq!(one_way.is_none(), other_way.is_none());
    if canonical(signal, &first) == canonical(signal, &second) {
        assert_eq!(one_way, None);
    }
    if one_way.is_none() {
        assert_eq!(sorted(signal, &first), sorted(signal, &second));
    }
    assert!(one_way.is_none_or(|text| text.len() < 2000));
}

/// The tree of a request, with attributes and members of maps in the order of their keys.
fn sorted(signal: Signal, request: &[u8]) -> Model {
    let mut model = decode::model(signal, request).unwrap();
    model.groups.iter_mut().for_each(sort_entity);
    model
}

fn sort_entity(entity: &mut Entity) {
    entity.fields.sort_by(|a, b| a.name.cmp(&b.name));
    entity.fields.iter_mut().for_each(|field| sort_value(&mut field.leaf));
    entity.children.iter_mut().for_each(sort_entity);
}

fn sort_value(leaf: &mut Leaf) {
    match &mut leaf.value {
        Value::Array(elements) => elements.iter_mut().for_each(sort_value),
        Value::Map(members) => {
            members.sort_by(|a, b| a.0.cmp(&b.0));
            members.iter_mut().for_each(|(_, value)| sort_value(value));
        }
        _ => {}
    }
}
