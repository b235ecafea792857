//! Every metric that a dashboard or an alert asks for is one of weir's, with the labels by which it is asked for.

use std::collections::{BTreeMap, BTreeSet};

use super::{all, asked, promql, rules, scene};

/// What Prometheus adds to each series when it scrapes it.
const SCRAPED: [&str; 2] = ["job", "instance"];

/// The labels of each metric that a weir shows to which everything has happened.
async fn exposed() -> BTreeMap<String, BTreeSet<String>> {
    let scene = scene::Scene::start().await;
    scene.play().await;
    let mut labels: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for sample in scene.weir.metrics().await.samples() {
        let known = labels.entry(sample.name.clone()).or_default();
        known.extend(sample.labels.keys().cloned());
        known.extend(SCRAPED.map(str::to_owned));
    }
    labels
}

fn wrong(exposed: &BTreeMap<String, BTreeSet<String>>, place: &str, query: &str) -> Vec<String> {
    let named = promql::named(query);
    let (mut wrong, mut known) = (Vec::new(), named.made.clone());
    for (metric, matched) in named.selectors.iter().filter(|(name, _)| !name.starts_with("agentstack_")) {
        let Some(labels) = exposed.get(metric) else {
            wrong.push(format!("{place}: weir has no metric {metric}"));
            continue;
        };
        let missing = matched.iter().filter(|label| !labels.contains(*label));
        wrong.extend(missing.map(|label| format!("{place}: {metric} has no label {label}")));
        known.extend(labels.iter().cloned());
    }
    if named.selectors.iter().all(|(name, _)| !name.starts_with("agentstack_")) {
        // What an alert says of its series counts too.
        let said = query.split("$labels.").skip(1).map(first_word);
        let named = named.grouped.iter().map(String::as_str).chain(said);
        let strange = named.filter(|label| !known.contains(*label));
        wrong.extend(strange.map(|label| format!("{place}: nothing has the label {label}")));
    }
    wrong
}

fn first_word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

#[tokio::test]
async fn every_metric_that_is_asked_for_is_one_that_weir_has() {
    let exposed = exposed().await;
    let mut found = Vec::new();
    for (file, dashboard) in all() {
        for one in asked(&file, &dashboard).iter().filter(|one| one.kind == "prometheus") {
            found.extend(wrong(&exposed, &format!("{file}: {}", one.panel), &one.expr));
        }
        for variable in super::list(&dashboard["templating"]["list"]).filter(|one| one["type"] == "query") {
            let query = variable["definition"].as_str().unwrap();
            found.extend(wrong(&exposed, &format!("{file}: ${}", variable["name"]), query));
        }
    }
    for alert in rules::alerts() {
        found.extend(wrong(&exposed, &alert.name, &alert.text));
    }
    assert_eq!(found, Vec::<String>::new());
}
