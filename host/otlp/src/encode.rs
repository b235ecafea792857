//! Encodes the values that plugins have written.

use crate::codes::kind;
use crate::shape::Role;
use crate::slot::Slot;
use crate::tape::{Tape, Value};
use crate::wire::{self, put_tag, put_varint, wire_type};

/// The payload of an `AnyValue`.
pub(crate) fn any_value(out: &mut Vec<u8>, value: Value, overlay: &[u8]) {
    match value.kind {
        kind::STRING => wire::put_len(out, 1, text(value, overlay)),
        kind::BOOL => {
            put_tag(out, 2, wire_type::VARINT);
            put_varint(out, value.bits());
        }
        kind::INT => {
            put_tag(out, 3, wire_type::VARINT);
            put_varint(out, value.bits());
        }
        kind::DOUBLE => {
            put_tag(out, 4, wire_type::FIXED64);
            out.extend_from_slice(&value.bits().to_le_bytes());
        }
        kind::BYTES => wire::put_len(out, 7, text(value, overlay)),
        kind::ENCODED => out.extend_from_slice(text(value, overlay)),
        _ => {}
    }
}

/// A field of OTLP's own, with its tag.
pub(crate) fn field(out: &mut Vec<u8>, slot: Slot, value: Value, overlay: &[u8]) {
    match slot.role {
        Role::Str(_) | Role::Bytes(_) => wire::put_len(out, slot.number, text(value, overlay)),
        Role::Varint(_) | Role::Bool(_) => {
            put_tag(out, slot.number, wire_type::VARINT);
            put_varint(out, value.bits());
        }
        Role::Fixed64(..) | Role::Double(..) => {
            put_tag(out, slot.number, wire_type::FIXED64);
            out.extend_from_slice(&value.bits().to_le_bytes());
        }
        Role::Fixed32(_) => {
            put_tag(out, slot.number, wire_type::FIXED32);
            out.extend_from_slice(&(value.bits() as u32).to_le_bytes());
        }
        _ => {}
    }
}

/// A field or attribute that was not there, with its tag; `key` is used for attributes.
pub(crate) fn added(out: &mut Vec<u8>, slot: Slot, value: Value, key: &[u8], tape: &Tape) {
    let overlay = &tape.overlay;
    if slot.is_value() {
        put_tag(out, slot.number, wire_type::LEN);
        put_varint(out, any_value_len(value) as u64);
        any_value(out, value, overlay);
    } else if slot.role == Role::Attribute {
        let value_len = any_value_len(value);
        let len = 1 + len_of(key.len()) + 1 + len_of(value_len);
        put_tag(out, slot.number, wire_type::LEN);
        put_varint(out, len as u64);
        wire::put_len(out, 1, key);
        put_tag(out, 2, wire_type::LEN);
        put_varint(out, value_len as u64);
        any_value(out, value, overlay);
    } else {
        field(out, slot, value, overlay);
    }
}

/// A length with what it announces.
fn len_of(payload: usize) -> usize {
    wire::varint_len(payload as u64) + payload
}

fn any_value_len(value: Value) -> usize {
    match value.kind {
        kind::STRING | kind::BYTES => 1 + len_of(value.b as usize),
        kind::BOOL => 2,
        kind::INT => 1 + wire::varint_len(value.bits()),
        kind::DOUBLE => 9,
        kind::ENCODED => value.b as usize,
        _ => 0,
    }
}

fn text(value: Value, overlay: &[u8]) -> &[u8] {
    overlay.get(value.a as usize..value.a as usize + value.b as usize).unwrap_or_default()
}
