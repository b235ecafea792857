//! That Grafana can load the dashboards, and people can read them: Grafana itself is not here to say so.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::{all, asked, folder, list, promql};

const UNITS: [&str; 9] =
    ["none", "short", "cps", "reqps", "s", "bytes", "percentunit", "currencyUSD", "text"];

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn number(value: &Value, key: &str) -> u64 {
    value[key].as_u64().unwrap_or_else(|| panic!("no {key} in {value}"))
}

#[test]
fn each_dashboard_has_a_name_of_its_own_that_its_file_has_too() {
    let mut titles = BTreeSet::new();
    for (file, dashboard) in all() {
        let uid = text(&dashboard, "uid");
        assert_eq!(format!("{uid}.json"), file);
        assert!(uid.len() <= 40 && !text(&dashboard, "description").is_empty(), "{file}");
        assert!(titles.insert(text(&dashboard, "title").to_owned()), "{file}: two with this title");
        assert!(number(&dashboard, "schemaVersion") >= 36, "{file}");
        assert!(dashboard.get("id").is_none_or(Value::is_null), "{file}: an id belongs to one Grafana");
    }
}

#[test]
fn panels_have_numbers_of_their_own_and_none_stands_on_another() {
    for (file, dashboard) in all() {
        let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
        for panel in list(&dashboard["panels"]) {
            let title = text(panel, "title");
            assert!(ids.insert(number(panel, "id")), "{file}: two panels have the id of {title}");
            let grid = &panel["gridPos"];
            let (x, y) = (number(grid, "x"), number(grid, "y"));
            let (w, h) = (number(grid, "w"), number(grid, "h"));
            assert!(w > 0 && h > 0 && x + w <= 24, "{file}: {title} stands beside the grid");
            for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
                assert!(taken.insert(cell), "{file}: {title} stands on another panel at {cell:?}");
            }
        }
        assert!(ids.len() > 5, "{file}");
    }
}

#[test]
fn every_panel_says_what_it_shows_in_which_unit_and_asks_a_data_source_that_can_be_chosen() {
    for (file, dashboard) in all() {
        let panels = list(&dashboard["panels"]).filter(|panel| panel["type"] != "row");
        let mut titles = BTreeSet::new();
        for panel in panels {
            let title = text(panel, "title");
            assert!(!title.is_empty() && !text(panel, "description").is_empty(), "{file}: {title}");
            let unit = text(&panel["fieldConfig"]["defaults"], "unit");
            assert!(UNITS.contains(&unit), "{file}: {title}: {unit:?} is no unit");
            assert!(
                panel["targets"].as_array().is_some_and(|targets| !targets.is_empty()),
                "{file}: {title}"
            );
            let mut refs = BTreeSet::new();
            for target in list(&panel["targets"]) {
                let variable = match text(&target["datasource"], "type") {
                    "prometheus" => "${datasource}",
                    "loki" => "${logs}",
                    other => panic!("{file}: {title}: no data source is of the kind {other:?}"),
                };
                assert_eq!(text(&target["datasource"], "uid"), variable, "{file}: {title}");
                assert_eq!(panel["datasource"], target["datasource"], "{file}: {title}");
                assert!(refs.insert(text(target, "refId")), "{file}: {title}");
                assert!(!text(target, "expr").is_empty(), "{file}: {title}");
            }
            titles.insert(title.to_owned());
        }
        assert!(titles.len() > 5, "{file}");
    }
}

#[test]
fn variables_are_made_before_they_are_used_and_none_is_used_that_is_not_made() {
    // Those that Grafana has by itself.
    let own = ["__rate_interval", "__range", "__auto", "__from", "__to", "__value"];
    for (file, dashboard) in all() {
        let mut known: BTreeSet<String> = own.map(str::to_owned).into();
        for variable in list(&dashboard["templating"]["list"]) {
            let mut used = variables_in(&variable["query"].to_string());
            used.extend(variables_in(&variable["datasource"].to_string()));
            let unknown: Vec<_> = used.difference(&known).collect();
            assert!(unknown.is_empty(), "{file}: {variable} uses {unknown:?}");
            known.insert(text(variable, "name").to_owned());
        }
        for name in ["datasource", "job", "instance"] {
            assert!(known.contains(name), "{file} has no variable {name}");
        }
        let used = variables_in(&dashboard["panels"].to_string());
        assert_eq!(used.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new(), "{file}");
        let chosen = list(&dashboard["templating"]["list"]).map(|variable| text(variable, "name").to_owned());
        let idle: Vec<_> = chosen
            .filter(|name| {
                !dashboard.to_string().contains(&format!("${name}"))
                    && !dashboard.to_string().contains(&format!("${{{name}}}"))
            })
            .collect();
        assert_eq!(idle, Vec::<String>::new(), "{file}: nothing uses these");
    }
}

/// `$name` and `${name...}`; `$$` and `$labels` do not occur.
fn variables_in(text: &str) -> BTreeSet<String> {
    let name = |rest: &str| {
        let rest = rest.strip_prefix('{').unwrap_or(rest);
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
        rest[..end].to_owned()
    };
    text.split('$').skip(1).map(name).filter(|name| !name.is_empty()).collect()
}

#[test]
fn what_a_legend_names_is_what_its_query_groups_by() {
    for (file, dashboard) in all() {
        for one in asked(&file, &dashboard).iter().filter(|one| one.kind == "prometheus") {
            let grouped = promql::named(&one.expr).grouped;
            for label in one.legend.split("{{").skip(1).map(|part| part.split("}}").next().unwrap()) {
                let is_known = grouped.contains(label) || (grouped.is_empty() && label == "instance");
                assert!(is_known, "{file}: {}: {label} of {:?} in {}", one.panel, one.legend, one.expr);
            }
        }
    }
}

#[test]
fn each_link_to_explore_holds_a_query_that_grafana_can_read() {
    let mut links = 0;
    for (file, dashboard) in all() {
        let text = dashboard.to_string();
        for link in text.split("\"/explore?").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let panes = link.split("panes=").nth(1).unwrap();
            let panes: Value = serde_json::from_str(&decoded(panes))
                .unwrap_or_else(|error| panic!("{file}: {link}: {error}"));
            let query = &panes["a"]["queries"][0];
            assert_eq!(
                text_of_variable(&panes["a"]["datasource"]),
                Some("logs").filter(|_| query["expr"].is_string()).or(Some("traces"))
            );
            links += 1;
        }
    }
    assert!(links > 3, "{links}");
}

/// `name` of `${name}`.
fn text_of_variable(value: &Value) -> Option<&str> {
    value.as_str()?.strip_prefix("${")?.strip_suffix('}')
}

/// Text of a query string as it was.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).unwrap());
        bytes.extend_from_slice(&part.as_bytes()[2..]);
    }
    String::from_utf8(bytes).unwrap()
}

#[test]
fn the_files_are_what_their_source_says() {
    let output = Command::new("python3").arg(folder().join("generate.py")).arg("--check").output();
    let Ok(output) = output else {
        eprintln!("skipped: there is no Python here");
        return;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
