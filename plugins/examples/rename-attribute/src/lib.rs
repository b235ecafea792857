//! What the Collector's `transform` does: renames an attribute, and sets another by a field. `weir validate` shows the part
//! between the marks.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

// [shown]
use weir_sdk::{Batch, Edits, Field, Interest, Level, NoConfig, Plugin, Signal};

struct RenameAttribute {
    old: Field,
    new: Field,
    environment: Field,
}

impl Plugin for RenameAttribute {
    type Config = NoConfig;

    fn configure(_: NoConfig, interest: &mut Interest) -> Result<Self, String> {
        interest.signals([Signal::TRACES, Signal::LOGS]);
        Ok(RenameAttribute {
            old: interest.attribute("http.method").at(Level::ITEM).read_write(),
            new: interest.attribute("http.request.method").at(Level::ITEM).read_write(),
            environment: interest.attribute("deployment.environment.name").at(Level::RESOURCE).write(),
        })
    }

    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<(), String> {
        for resource in batch.at(Level::RESOURCE) {
            edits.set(resource, self.environment, "production");
        }
        for item in batch.items() {
            if let (Some(old), None) = (item.get(self.old), item.get(self.new)) {
                edits.rename(old, self.new);
            }
        }
        Ok(())
    }
}

weir_sdk::plugin!(RenameAttribute);
// [/shown]

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_sdk::testing::{Document, Harness};

    use super::*;

    #[test]
    fn the_attribute_has_its_new_name_where_it_was_and_the_resource_its_environment() {
        let spans = |first: &str, resource: serde_json::Value| {
            let items = json!([
                {"name": "a", "attributes": {first: "GET"}},
                {"name": "b", "attributes": {"http.method": "GET", "http.request.method": "PUT"}},
                {"name": "c"},
            ]);
            Document::in_one_resource(Signal::TRACES, resource, items)
        };
        let mut document = spans("http.method", json!({"attributes": {"service.name": "shop"}}));
        Harness::<RenameAttribute>::new(json!(null)).unwrap().run(&mut document).unwrap();
        let resource = json!({"service.name": "shop", "deployment.environment.name": "production"});
        assert_eq!(document, spans("http.request.method", json!({"attributes": resource})));
    }
}
