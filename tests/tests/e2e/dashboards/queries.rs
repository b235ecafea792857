//! Every query of the dashboards of weir's own metrics shows something.

use std::time::{Duration, Instant};

use serde_json::Value;
use weir_tests::Backend;

use super::{Asked, all, asked, list, scene};

/// How long series may take to be there: they are scraped four times a second, and the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// Panels that show zero alone, which is what they are there to show, and why the scene cannot bring another figure about.
const ZERO: [(&str, &str, &str); 6] = [
    ("weir-health", "Failed", "only a fault of weir's own would be counted"),
    ("weir-health", "Panics", "only a fault of weir's own would be counted"),
    ("weir-health", "CPU", "the system counts in hundredths of a second"),
    ("weir-health", "CPU for each item", "the system counts in hundredths of a second"),
    ("weir-plugins", "Lines over the rate", "no guest of the scene logs"),
    ("weir-delivery", "Storage failures", "the disk of the scene is good"),
];

/// A query with Grafana's variables put in.
pub(super) fn substituted(expr: &str) -> String {
    let mut text = expr.to_owned();
    for (name, value) in [
        ("__rate_interval", "2m"),
        ("__range", "5m"),
        ("__auto", "1m"),
        ("price_in", "3"),
        ("price_out", "15"),
    ] {
        text = text.replace(&format!("${name}"), value);
    }
    for name in ["job", "instance", "plugin", "exporter", "project"] {
        text = text.replace(&format!("\"${name}\""), "\".*\"");
    }
    text
}

/// The figures that a query shows.
async fn figures(prometheus: &Backend, expr: &str) -> Vec<f64> {
    let series = prometheus.vector(&substituted(expr)).await;
    let figure = |one: &Value| one["value"][1].as_str().and_then(|text| text.parse::<f64>().ok());
    series.iter().filter_map(figure).filter(|figure| figure.is_finite()).collect()
}

/// Asks until every query has shown a figure, and every panel one that is not zero; what has not, when the patience is over.
pub(super) async fn without_figures(
    prometheus: &Backend,
    queries: &[Asked],
    zero: &[(&str, &str, &str)],
) -> Vec<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut wrong = Vec::new();
        let mut panels: Vec<(&Asked, bool)> = Vec::new();
        for one in queries {
            let figures = figures(prometheus, &one.expr).await;
            if figures.is_empty() {
                wrong.push(format!(
                    "{}: {}: shows nothing: {}",
                    one.dashboard,
                    one.panel,
                    substituted(&one.expr)
                ));
            }
            let is_something = figures.iter().any(|figure| *figure != 0.0);
            match panels
                .iter_mut()
                .find(|(other, _)| other.dashboard == one.dashboard && other.panel == one.panel)
            {
                Some((_, known)) => *known |= is_something,
                None => panels.push((one, is_something)),
            }
        }
        let may_be_zero = |one: &Asked| {
            zero.iter()
                .any(|(dashboard, panel, _)| (*dashboard, *panel) == (&one.dashboard[..], &one.panel[..]))
        };
        let idle = panels.iter().filter(|(one, is_something)| !is_something && !may_be_zero(one));
        wrong.extend(idle.map(|(one, _)| format!("{}: {}: shows zero alone", one.dashboard, one.panel)));
        if wrong.is_empty() || Instant::now() > end {
            return wrong;
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
}

/// Whether the values among which a variable is chosen are there.
pub(super) async fn has_values(prometheus: &Backend, variable: &Value) -> bool {
    let definition = variable["definition"].as_str().unwrap_or_default();
    let inside = definition.strip_prefix("label_values(").and_then(|rest| rest.strip_suffix(')')).unwrap();
    let (selector, label) = inside.rsplit_once(", ").unwrap();
    let series = prometheus.vector(&format!("count by ({label}) ({})", substituted(selector))).await;
    series.iter().any(|one| one["metric"].get(label).is_some())
}

#[tokio::test]
async fn every_query_of_every_dashboard_of_weirs_own_metrics_shows_something() {
    let scene = scene::Scene::start().await;
    let Some(prometheus) = scene.watched(Vec::new()).await else { return };
    scene.play().await;
    let mut queries = Vec::new();
    for (file, dashboard) in all().into_iter().filter(|(file, _)| file.starts_with("weir-")) {
        queries.extend(asked(&file, &dashboard));
        for variable in list(&dashboard["templating"]["list"]).filter(|one| one["type"] == "query") {
            assert!(has_values(&prometheus, variable).await, "{file}: {variable}");
        }
    }
    assert!(queries.len() > 60, "{}", queries.len());
    assert_eq!(without_figures(&prometheus, &queries, &ZERO).await, Vec::<String>::new());
}
