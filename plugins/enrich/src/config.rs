//! The operator's configuration. The README has every key with an example.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use weir_sdk::{Level, Levels, Signal};

/// What to add, rename and delete. The default changes nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Attributes of the resource.
    pub resource: Resource,
    /// Attributes of the resource from the pod's labels and annotations.
    pub downward_api: Option<DownwardApi>,
    /// Attributes of the resource from files: attribute to path. Each file holds one value.
    pub files: BTreeMap<String, String>,

    /// Attributes to set at `levels`.
    pub set: BTreeMap<String, Value>,
    /// Whether `set` may overwrite.
    pub policy: Policy,
    /// Attributes to rename at `levels`: old to new.
    pub rename: BTreeMap<String, String>,
    /// Attributes to delete at `levels`: keys, or prefixes with `*`.
    pub delete: Vec<String>,
    /// Delete attributes of data points, too, although that can make one series of two.
    pub delete_metric_attributes: bool,
    /// Where `set`, `rename` and `delete` are meant: on items if it is not said.
    pub levels: Option<Vec<At>>,

    /// Tables to look values up in.
    pub tables: BTreeMap<String, TableConfig>,
    /// What to look up.
    pub lookups: Vec<LookupConfig>,

    /// In which signals: all if it is not said.
    pub signals: Option<Vec<SignalName>>,
}

/// Attributes of the resource that are known from the start.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Resource {
    /// Attribute to value.
    pub set: BTreeMap<String, Value>,
    /// Whether what is set here, read from the pod and from files may overwrite.
    pub policy: Policy,
    /// In the form of the environment variable `OTEL_RESOURCE_ATTRIBUTES`.
    pub otel_resource_attributes: Option<String>,
    /// As the environment variable `OTEL_SERVICE_NAME`: sets `service.name`.
    pub otel_service_name: Option<String>,
}

/// Where the kubelet has mounted the pod's labels and annotations.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DownwardApi {
    /// The folder with the files `labels` and `annotations`.
    #[serde(default = "DownwardApi::default_path")]
    pub path: String,
    /// Label to attribute.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Every label as `k8s.pod.label.KEY`.
    #[serde(default)]
    pub all_labels: bool,
    /// Prefixes with `*`: what the star stands for is the attribute.
    #[serde(default)]
    pub annotations: Vec<String>,
}

impl DownwardApi {
    fn default_path() -> String {
        "/etc/podinfo".to_owned()
    }
}

/// Whether a value may overwrite one that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Policy {
    /// Only where there is none.
    #[default]
    Insert,
    /// Only where there is one.
    Update,
    /// In any case.
    Upsert,
}

/// A CSV file whose first row names the columns.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableConfig {
    pub file: String,
    /// The column by which rows are found.
    pub key: String,
}

/// Looks an attribute's value up in a table and sets others by what stands there.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookupConfig {
    pub table: String,
    /// The attribute whose value is looked up.
    pub from: String,
    /// Where it stands, and where attributes are set.
    #[serde(default)]
    pub level: At,
    /// Column to attribute.
    pub set: BTreeMap<String, String>,
    /// The value of all of them if no row is found.
    pub default: Option<String>,
    /// Whether it may overwrite.
    #[serde(default)]
    pub policy: Policy,
}

/// A level, as the operator names it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    Resource,
    Scope,
    Metric,
    #[default]
    Item,
    Event,
    Link,
    Exemplar,
}

impl At {
    pub fn level(self) -> Level {
        match self {
            At::Resource => Level::RESOURCE,
            At::Scope => Level::SCOPE,
            At::Metric => Level::METRIC,
            At::Item => Level::ITEM,
            At::Event => Level::EVENT,
            At::Link => Level::LINK,
            At::Exemplar => Level::EXEMPLAR,
        }
    }

    /// The levels that a list names; items if there is no list.
    pub fn levels(list: Option<&[At]>) -> Levels {
        list.map_or(Level::ITEM.into(), |list| list.iter().map(|at| at.level()).collect())
    }
}

/// A signal, as the operator names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalName {
    Traces,
    Metrics,
    Logs,
}

impl SignalName {
    pub fn signal(self) -> Signal {
        match self {
            SignalName::Traces => Signal::TRACES,
            SignalName::Metrics => Signal::METRICS,
            SignalName::Logs => Signal::LOGS,
        }
    }
}
