//! One attribute to be set, and whether it may overwrite.

use weir_sdk::{Edits, Entity, Field, NewValue};

use crate::config::Policy;
use crate::constant::Constant;

/// An attribute and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Put {
    pub field: Field,
    pub value: Constant,
    pub policy: Policy,
}

impl Put {
    pub fn apply(&self, entity: Entity<'_>, edits: &mut Edits) {
        put(entity, self.field, self.value.as_new(), self.policy, edits);
    }
}

/// Sets an attribute as the policy says. `Update` needs the attribute to be read.
pub fn put(entity: Entity<'_>, field: Field, value: NewValue<'_>, policy: Policy, edits: &mut Edits) {
    match policy {
        Policy::Insert => edits.insert(entity, field, value),
        Policy::Upsert => edits.set(entity, field, value),
        Policy::Update if entity.get(field).is_some() => edits.set(entity, field, value),
        Policy::Update => {}
    }
}
