//! What the Collector's `filter` does: drops the spans of health checks. `weir validate` shows the part between the marks.
#![cfg_attr(not(target_family = "wasm"), forbid(unsafe_code))]

// [shown]
use weir_sdk::{Batch, Edits, Field, Interest, Level, NoConfig, Plugin, Signal};

struct DropHealthChecks {
    path: Field,
}

impl Plugin for DropHealthChecks {
    type Config = NoConfig;

    fn configure(_: NoConfig, interest: &mut Interest) -> Result<Self, String> {
        interest.signals([Signal::TRACES]).drops(Level::ITEM);
        Ok(DropHealthChecks { path: interest.attribute("url.path").at(Level::ITEM).read() })
    }

    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<(), String> {
        for span in batch.items() {
            if matches!(span.str(self.path), Some("/healthz" | "/readyz")) {
                edits.drop(span);
            }
        }
        Ok(())
    }
}

weir_sdk::plugin!(DropHealthChecks);
// [/shown]

#[cfg(test)]
mod tests {
    use serde_json::json;
    use weir_sdk::testing::{Document, Harness};

    use super::*;

    #[test]
    fn health_checks_are_dropped_and_nothing_else() {
        let path = |path: &str| json!({"attributes": {"url.path": path}});
        let mut spans =
            Document::traces(json!([path("/healthz"), path("/healthz/x"), {"name": "y"}, path("/readyz")]));
        Harness::<DropHealthChecks>::new(json!(null)).unwrap().run(&mut spans).unwrap();
        assert_eq!(spans, Document::traces(json!([path("/healthz/x"), {"name": "y"}])));
    }
}
