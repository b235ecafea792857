//! Protobuf's wire format, as far as Prometheus' messages need it: written into a buffer, without a message in between.

pub(in crate::exporter) const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const LEN: u32 = 2;

pub(in crate::exporter) fn tag(out: &mut Vec<u8>, number: u32, wire: u32) {
    varint(out, u64::from(number << 3 | wire));
}

pub(in crate::exporter) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// `uint64` and `uint32`, also where it is zero: to some readers that differs from what is not there.
pub(in crate::exporter) fn unsigned(out: &mut Vec<u8>, number: u32, value: u64) {
    tag(out, number, VARINT);
    varint(out, value);
}

/// `sint64` and `sint32`
pub(in crate::exporter) fn signed(out: &mut Vec<u8>, number: u32, value: i64) {
    unsigned(out, number, ((value << 1) ^ (value >> 63)) as u64);
}

pub(in crate::exporter) fn double(out: &mut Vec<u8>, number: u32, value: f64) {
    tag(out, number, FIXED64);
    out.extend_from_slice(&value.to_le_bytes());
}

pub(in crate::exporter) fn text(out: &mut Vec<u8>, number: u32, text: &str) {
    if !text.is_empty() {
        tag(out, number, LEN);
        varint(out, text.len() as u64);
        out.extend_from_slice(text.as_bytes());
    }
}

pub(in crate::exporter) fn message(out: &mut Vec<u8>, number: u32, write: impl FnOnce(&mut Vec<u8>)) {
    tag(out, number, LEN);
    delimited(out, write);
}

/// Something behind its length, for which one byte is enough most of the time.
pub(in crate::exporter) fn delimited(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let at = out.len();
    out.push(0);
    write(out);
    let len = out.len() - at - 1;
    if len < 0x80 {
        out[at] = len as u8;
    } else {
        let mut prefix = Vec::with_capacity(8);
        varint(&mut prefix, len as u64);
        out.splice(at..=at, prefix);
    }
}
