//! How Prometheus is configured.

use std::path::PathBuf;

use serde_json::{Value, json};

/// How Prometheus is to be started.
#[derive(Clone, Debug, Default)]
pub struct Prometheus {
    /// What it scrapes, four times a second: the job's name, the port of the loopback interface.
    pub scrape: Vec<(String, u16)>,
    /// More settings of every job, such as `scrape_protocols`.
    pub job_settings: Value,
    /// Files of rules, which it evaluates as often.
    pub rules: Vec<PathBuf>,
    /// Whether Debian's will not do, which is older and has no OTLP receiver.
    pub is_recent: bool,
}

impl Prometheus {
    /// Its configuration file.
    pub(super) fn config(&self, has_otlp: bool) -> Value {
        let job = |(name, port): &(String, u16)| {
            let targets = [format!("127.0.0.1:{port}")];
            let mut job = json!({"job_name": name, "static_configs": [{"targets": targets}]});
            if let (Some(job), Some(more)) = (job.as_object_mut(), self.job_settings.as_object()) {
                job.extend(more.clone());
            }
            job
        };
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
