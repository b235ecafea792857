//! The view on the packed lists.

use serde_json::json;

use super::*;
use crate::codes::Kinds;
use crate::testing::{Document, Packed};

/// An interest in one key, all other keys of items, and the name.
fn interest() -> (Interest, Field) {
    let mut interest = Interest::default();
    interest.field(Field::NAME).read();
    let user = interest.attribute("user").read();
    interest.attributes("*").at(Level::ITEM).read();
    (interest, user)
}

fn document() -> Document {
    Document::traces(json!([
        {"name": "first", "attributes": {"user": "u1", "zone": "z", "n": 7, "ok": true, "f": 0.5, "none": null}},
        {"name": "second", "attributes": {"list": ["a", {"b": "c", "user": "u2"}], "last": {"$bytes": "00ff"}}},
    ]))
}

#[test]
fn values_are_found_by_field_and_by_key() {
    let (interest, user) = interest();
    let packed = Packed::new(&document(), &interest).unwrap();
    let batch = packed.batch(&interest).unwrap();
    let [first, second] = batch.items().collect::<Vec<_>>()[..] else { panic!("two items") };
    assert_eq!(
        (first.str(Field::NAME), first.str(user), first.attribute("zone").unwrap().as_str()),
        (Some("first"), Some("u1"), Some("z"))
    );
    let values: Vec<_> =
        ["n", "ok", "f", "none"].iter().map(|key| first.attribute(key).unwrap().value()).collect();
    assert_eq!(values, [Value::Int(7), Value::Bool(true), Value::Double(0.5), Value::Empty]);
    assert_eq!(second.attribute("last").unwrap().value(), Value::Bytes(&[0, 255]));
    // A key inside a map is not the entity's own.
    assert_eq!(second.get(user), None);
}

#[test]
fn nested_values_follow_their_container() {
    let (interest, user) = interest();
    let packed = Packed::new(&document(), &interest).unwrap();
    let batch = packed.batch(&interest).unwrap();
    let item = batch.items().nth(1).unwrap();
    let list = item.attribute("list").unwrap();
    let [text, map] = list.children().collect::<Vec<_>>()[..] else { panic!("two elements") };
    assert_eq!((text.as_str(), text.depth(), text.field()), (Some("a"), 1, Field::ELEMENT));
    let members: Vec<_> = map.children().map(|cell| (cell.name(), cell.as_str())).collect();
    assert_eq!(members, [(Some("b"), Some("c")), (Some("user"), Some("u2"))]);
    assert_eq!(map.children().nth(1).unwrap().field(), user);
    assert_eq!(list.inside().count(), 4);
    assert_eq!(batch.entity_of(text).unwrap().number(), item.number());
}

#[test]
fn an_item_knows_its_scope_and_resource() {
    let (interest, _) = interest();
    let packed = Packed::new(&document(), &interest).unwrap();
    let batch = packed.batch(&interest).unwrap();
    let item = batch.items().next().unwrap();
    assert_eq!(item.parent().unwrap().level(), Level::SCOPE);
    assert_eq!(item.resource().unwrap().number(), 0);
    assert_eq!(item.ancestor(Level::METRIC).map(Entity::number), None);
}

#[test]
fn values_stand_in_the_arena_with_a_zero_byte_between_them() {
    let mut interest = Interest::default();
    interest.attributes("*").kinds(Kinds::from(Kind::STRING)).read();
    let document = Document::traces(json!([{"attributes": {"a": "xy", "b": "", "c": "z"}}]));
    let packed = Packed::new(&document, &interest).unwrap();
    let batch = packed.batch(&interest).unwrap();
    assert_eq!(batch.values(), b"xy\0\0z");
    assert_eq!(batch.cells().map(|cell| cell.bytes()).collect::<Vec<_>>(), [&b"xy"[..], b"", b"z"]);
}

#[test]
fn an_index_that_is_cut_is_an_error_and_never_a_panic() {
    let (interest, _) = interest();
    let packed = Packed::new(&document(), &interest).unwrap();
    for length in 0..packed.index.len() {
        assert!(Batch::new(Signal::TRACES, 0, &packed.index[..length], &packed.bytes, &interest).is_err());
    }
}

#[test]
fn a_longer_header_of_a_later_version_is_passed_by() {
    let (interest, _) = interest();
    let mut packed = Packed::new(&document(), &interest).unwrap();
    packed.index[0] = 6;
    packed.index.splice(4..4, [99, 98]);
    assert_eq!(packed.batch(&interest).unwrap().items().next().unwrap().str(Field::NAME), Some("first"));
}

proptest::proptest! {
    /// weir sends nothing of the kind, but a plugin must not fall over it.
    #[test]
    fn any_numbers_at_all_end_in_values_or_errors_and_never_in_panics(
        mut index in proptest::collection::vec(0_u32..40, 4..80),
        bytes in proptest::collection::vec(0_u8..255, 0..40),
        counts in (0_u32..6, 0_u32..6, 0_u32..6),
    ) {
        index[..4].copy_from_slice(&[4, counts.0, counts.1, counts.2]);
        let (interest, user) = interest();
        if let Ok(batch) = Batch::new(Signal::LOGS, 0, &index, &bytes, &interest) {
            for entity in batch.entities() {
                let _ = (entity.resource(), entity.get(user), entity.attribute("zone"));
                for cell in entity.cells() {
                    let _ = (cell.value(), cell.name(), cell.children().count(), batch.entity_of(cell));
                }
            }
        }
    }
}
