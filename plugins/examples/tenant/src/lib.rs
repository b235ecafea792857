//! The smallest plugin there is: sets `demo.fourth_plugin` to `yes` on every span, log record and data point.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

use weir_sdk::{Batch, Edits, Field, Interest, Level, NoConfig, Plugin};

struct Tenant {
    mark: Field,
}

impl Plugin for Tenant {
    type Config = NoConfig;

    fn configure(_: NoConfig, interest: &mut Interest) -> Result<Self, String> {
        Ok(Tenant { mark: interest.attribute("demo.fourth_plugin").at(Level::ITEM).write() })
    }

    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<(), String> {
        batch.items().for_each(|item| edits.set(item, self.mark, "yes"));
        Ok(())
    }
}

weir_sdk::plugin!(Tenant);

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_sdk::testing::{Document, Harness};

    use super::*;

    #[test]
    fn every_item_is_marked() {
        let mut logs =
            Document::logs(json!([{"body": "a"}, {"body": "b", "attributes": {"demo.fourth_plugin": "no"}}]));
        Harness::<Tenant>::new(json!(null)).unwrap().run(&mut logs).unwrap();
        let marked = json!({"demo.fourth_plugin": "yes"});
        assert_eq!(
            logs,
            Document::logs(json!([{"body": "a", "attributes": marked}, {"body": "b", "attributes": marked}]))
        );
    }
}
