//! What the pages of the operator ask of the plugins. The service answers; nothing in here blocks.

use serde_json::{Value, json};
use weir_otlp::Interest;

/// Where the page about the plugins is, beside the health check.
pub const PLUGINS_PATH: &str = "/plugins";

/// The plugins as an operator sees them.
pub trait PluginsStatus: Send + Sync {
    /// Whether every plugin that was there at the start runs.
    fn is_ready(&self) -> bool;

    /// What is not as it should be: a plugin that has not loaded yet, or one whose circuit breaker is not closed. Empty if
    /// all is well.
    fn troubles(&self) -> Vec<Trouble>;

    /// Everything about them: the chain of each pipeline, and each plugin.
    fn page(&self) -> Value;
}

/// A plugin that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The plugin's name.
    pub plugin: String,
    /// `loading`, `half_open` or `open`.
    pub state: &'static str,
}

/// What a plugin declares, as every page about plugins and `weir plugin inspect` say it.
pub(crate) fn interest_page(interest: &Interest) -> Value {
    json!({
        "reads": interest.reads(),
        "writes": interest.writes(),
        "drops": interest.drops != 0,
        "stateful": interest.stateful,
        "redacts": interest.redacts,
    })
}

/// The member that the health page has if something is not as it should be.
pub(super) fn detail(troubles: &[Trouble]) -> String {
    if troubles.is_empty() {
        return String::new();
    }
    let list: Vec<Value> =
        troubles.iter().map(|trouble| json!({"plugin": trouble.plugin, "state": trouble.state})).collect();
    format!(r#","plugins":{}"#, Value::from(list))
}
