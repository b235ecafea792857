//! The chart and the kustomizations, rendered by the real helm and the real kustomize where `make deploy-tools` has installed them: they are the
//! golden files, to which the other tests hold everything, and a value that is wrong is refused.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;
use weir_tests::{build, yaml};

use super::{read, repository};

/// Renders with a script of `deploy/` and compares with the golden files beside it.
fn is_golden(folder: &str, variable: &str, tool: &Path) {
    let out = tempfile::tempdir().unwrap();
    let script = repository().join(folder).join("render.sh");
    let output = Command::new(script).arg(out.path()).env(variable, tool).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let names = |folder: &Path| {
        let entries = std::fs::read_dir(folder).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let golden = format!("{folder}/golden");
    let rendered = names(out.path());
    assert_eq!(rendered, names(&repository().join(&golden)), "{folder}/render.sh {golden}");
    for name in rendered {
        let text = std::fs::read_to_string(out.path().join(&name)).unwrap();
        assert_eq!(text, read(&format!("{golden}/{name}")), "{name}: {folder}/render.sh {golden}");
    }
}

#[test]
fn the_chart_renders_to_its_golden_files() {
    let Some(helm) = build::tool("helm") else { return };
    is_golden("deploy/helm", "HELM", &helm);
}

#[test]
fn the_kustomizations_render_to_their_golden_files() {
    let Some(kustomize) = build::tool("kustomize") else { return };
    is_golden("deploy/kustomize", "KUSTOMIZE", &kustomize);
}

fn template(helm: &Path, chart: &Path, arguments: &[&str]) -> Output {
    Command::new(helm).args(["template", "weir"]).arg(chart).args(arguments).output().unwrap()
}

#[test]
fn a_value_that_is_wrong_is_refused_with_its_name() {
    let Some(helm) = build::tool("helm") else { return };
    let chart = repository().join("deploy/helm/weir");
    for (value, named) in [
        ("mode=statefulset", "mode"),
        ("replicas=3", "replicas"),
        ("image.digest=sha256:0", "digest"),
        ("image.pullPolicy=Sometimes", "pullPolicy"),
        ("config.recievers.otlp=null", "recievers"),
        ("ports.health.enabled=false", "health"),
        ("ports.otlp.containerPort=70000", "containerPort"),
        ("ports.a-name-of-more-than-fifteen.enabled=true", "a-name-of-more-than-fifteen"),
        ("cacheDir=tmp", "cacheDir"),
        ("podMonitor.interval=soon", "interval"),
        ("service.type=ExternalName", "type"),
        ("terminationGracePeriodSeconds=25", "terminationGracePeriodSeconds"),
        ("prometheusRule.enabled=true", if alerts(&chart).is_file() { "" } else { "files/alerts.yaml" }),
    ] {
        if named.is_empty() {
            continue;
        }
        let output = template(&helm, &chart, &["--set", value]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{value} is taken");
        assert!(said.contains(named), "{value}: {said}");
    }
}

fn alerts(chart: &Path) -> PathBuf {
    chart.join("files/alerts.yaml")
}

#[test]
fn the_rules_beside_the_chart_become_a_prometheus_rule() {
    let Some(helm) = build::tool("helm") else { return };
    let dir = tempfile::tempdir().unwrap();
    let chart = dir.path().join("weir");
    let copied =
        Command::new("cp").arg("-RL").arg(repository().join("deploy/helm/weir")).arg(&chart).status();
    assert!(copied.unwrap().success());
    std::fs::create_dir_all(chart.join("files")).unwrap();
    let rules = "groups:\n  - name: weir\n    rules:\n      - alert: Down\n        expr: up == 0\n";
    std::fs::write(alerts(&chart), rules).unwrap();
    let output = template(&helm, &chart, &["--set", "prometheusRule.enabled=true"]);
    let rendered = yaml::documents(&String::from_utf8(output.stdout).unwrap());
    let rule = rendered.iter().find(|manifest| manifest["kind"] == "PrometheusRule").unwrap();
    assert_eq!(rule["spec"], yaml::document(rules));
    assert_eq!(rule["spec"]["groups"][0]["rules"][0], json!({"alert": "Down", "expr": "up == 0"}));
}
