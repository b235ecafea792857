//! Values that are known from the start, and the attributes of the resource that are given by text.

use serde_json::Value;
use weir_sdk::{AnyValue, NewValue};

/// How deep lists and maps may nest.
const DEPTH_MAX: usize = 16;

/// A value of the configuration, encoded once.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    value: AnyValue,
    /// Of a list or a map.
    encoded: Vec<u8>,
}

impl Constant {
    /// None for `null`, which stands for "not given". The error says what is not allowed.
    pub fn from_json(value: &Value) -> Result<Option<Constant>, String> {
        match value {
            Value::Null => Ok(None),
            value => Ok(Some(Constant::new(any_value(value, 0)?))),
        }
    }

    pub fn text(text: impl Into<String>) -> Constant {
        Constant::new(AnyValue::Str(text.into()))
    }

    fn new(value: AnyValue) -> Constant {
        let encoded = if value.as_plain().is_none() { value.encode() } else { Vec::new() };
        Constant { value, encoded }
    }

    /// As an edit takes it.
    pub fn as_new(&self) -> NewValue<'_> {
        self.value.as_plain().unwrap_or(NewValue::Encoded(&self.encoded))
    }
}

fn any_value(value: &Value, depth: usize) -> Result<AnyValue, String> {
    if depth > DEPTH_MAX {
        return Err(format!("lists and maps nest deeper than {DEPTH_MAX}"));
    }
    Ok(match value {
        Value::Null => AnyValue::Empty,
        Value::Bool(on) => AnyValue::Bool(*on),
        Value::Number(number) => match number.as_i64() {
            Some(number) => AnyValue::Int(number),
            None => AnyValue::Double(number.as_f64().ok_or("a number does not fit 64 bits")?),
        },
        Value::String(text) => AnyValue::Str(text.clone()),
        Value::Array(values) => {
            AnyValue::Array(values.iter().map(|value| any_value(value, depth + 1)).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            let members = members.iter().map(|(key, value)| Ok((key.clone(), any_value(value, depth + 1)?)));
            AnyValue::Map(members.collect::<Result<_, String>>()?)
        }
    })
}

/// Reads `key=value,key=value` with percent-encoded values, as the specification has it for the environment. One wrong
/// pair makes all of it wrong, as it says, too.
pub fn otel_resource_attributes(text: &str) -> Result<Vec<(String, String)>, String> {
    let pairs = text.split(',').enumerate().filter(|(_, pair)| !pair.trim().is_empty());
    pairs
        .map(|(position, pair)| {
            let wrong = || format!("pair {} is not of the form key=value, percent-encoded", position + 1);
            let (key, value) = pair.split_once('=').ok_or_else(wrong)?;
            let key = percent_decoded(key.trim()).filter(|key| !key.is_empty()).ok_or_else(wrong)?;
            Ok((key, percent_decoded(value.trim()).ok_or_else(wrong)?))
        })
        .collect()
}

fn percent_decoded(text: &str) -> Option<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        decoded.push(u8::from_str_radix(digits, 16).ok()?);
        decoded.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn plain_values_stay_plain_and_others_are_encoded() {
        let constant = |value| Constant::from_json(&value).unwrap().unwrap();
        assert_eq!(constant(json!("a")).as_new(), NewValue::Str("a"));
        assert_eq!(constant(json!(7)).as_new(), NewValue::Int(7));
        assert_eq!(constant(json!(0.5)).as_new(), NewValue::Double(0.5));
        assert_eq!(constant(json!(true)).as_new(), NewValue::Bool(true));
        assert_eq!(constant(json!(["a"])).as_new(), NewValue::Encoded(&[0x2a, 5, 0x0a, 3, 0x0a, 1, b'a']));
        assert_eq!(Constant::from_json(&json!(null)), Ok(None));
        assert!(Constant::from_json(&(0..20).fold(json!(1), |inner, _| json!([inner]))).is_err());
    }

    #[test]
    fn attributes_of_the_environment_are_percent_decoded() {
        let pairs = otel_resource_attributes("service.name=shop, team=a%2Cb%C3%A4 ,empty=,").unwrap();
        let expected = [("service.name", "shop"), ("team", "a,b\u{e4}"), ("empty", "")];
        assert_eq!(pairs, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
        assert!(otel_resource_attributes("").unwrap().is_empty());
    }

    #[test]
    fn one_wrong_pair_makes_all_wrong() {
        for wrong in ["a=1,b", "a=1,=2", "a=1,b=%zz", "a=1,b=%2", "a=1,b=%ff", "a=1,b=%+1"] {
            let error = otel_resource_attributes(wrong).unwrap_err();
            assert_eq!(error, "pair 2 is not of the form key=value, percent-encoded", "{wrong}");
        }
    }
}
