//! How Prometheus is configured.

use std::path::PathBuf;

use serde_json::{Value, json};

/// How Prometheus is to be started.
#[derive(Clone, Debug, Default)]
pub struct Prometheus {
    /// What it scrapes, four times a second: the job's name, the port of the loopback interface.
    pub scrape: Vec<(String, u16)>,
    /// Files of rules, which it evaluates as often.
    pub rules: Vec<PathBuf>,
    /// Whether Debian's will not do, which is older and has no OTLP receiver.
    pub is_recent: bool,
}

impl Prometheus {
    /// Its configuration file.
    pub(super) fn config(&self, has_otlp: bool) -> Value {
        let job = |(name, port): &(String, u16)| json!({"job_name": name, "static_configs": [{"targets": [format!("127.0.0.1:{port}")]}]});
        let jobs: Vec<_> = self.scrape.iter().map(job).collect();
        let mut config = json!({
            "global": {"scrape_interval": "250ms", "scrape_timeout": "250ms", "evaluation_interval": "250ms"},
            "storage": {"tsdb": {"out_of_order_time_window": "1h"}},
            "scrape_configs": jobs,
            "rule_files": self.rules,
        });
        if has_otlp {
            config["otlp"] = json!({"promote_all_resource_attributes": true});
        }
        config
    }
}
