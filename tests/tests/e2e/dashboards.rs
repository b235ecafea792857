//! The dashboards and alert rules of `deploy/`: their form, that they ask for what weir has, and that each of their queries shows something
//! in a real Prometheus that scraped a real weir to which everything happened that they are about.

mod agents;
mod collector;
mod form;
mod names;
mod promql;
mod queries;
mod rules;
mod scene;

use std::path::PathBuf;

use serde_json::Value;
use weir_tests::build::source_file;

/// The folder of the dashboards.
fn folder() -> PathBuf {
    source_file("../deploy/dashboards")
}

/// Every dashboard, by the name of its file.
fn all() -> Vec<(String, Value)> {
    let files = std::fs::read_dir(folder()).unwrap();
    let mut names: Vec<_> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|name| name.ends_with(".json"));
    names.sort();
    assert!(names.len() >= 4, "{names:?}");
    let read = |name: String| {
        let text = std::fs::read_to_string(folder().join(&name)).unwrap();
        (name, serde_json::from_str(&text).unwrap())
    };
    names.into_iter().map(read).collect()
}

/// One query of a panel.
struct Asked {
    dashboard: String,
    panel: String,
    /// `prometheus` or `loki`.
    kind: String,
    expr: String,
    legend: String,
}

/// Every query of a dashboard.
fn asked(name: &str, dashboard: &Value) -> Vec<Asked> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut all = Vec::new();
    for panel in list(&dashboard["panels"]) {
        for target in list(&panel["targets"]) {
            all.push(Asked {
                dashboard: name.trim_end_matches(".json").to_owned(),
                panel: text(&panel["title"]),
                kind: text(&target["datasource"]["type"]),
                expr: text(&target["expr"]),
                legend: text(&target["legendFormat"]),
            });
        }
    }
    all
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
