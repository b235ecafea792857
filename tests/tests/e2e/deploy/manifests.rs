//! Everything in `deploy/` that goes to a cluster, and every rendering of the chart and of the kustomizations: held to Kubernetes' schemas, to
//! the `restricted` standard, and to weir itself.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use weir_tests::kubernetes::{Pod, items, pods, restricted, text, wanting};
use weir_tests::{build, weir, yaml};

use super::{read, repository};

/// Each file of manifests, with its documents.
pub fn manifests() -> Vec<(String, Vec<Value>)> {
    let folders = ["kubernetes", "kubernetes/plugins", "helm/golden", "kustomize/golden"];
    let mut found = Vec::new();
    for folder in folders {
        let folder = format!("deploy/{folder}");
        for entry in std::fs::read_dir(repository().join(&folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".yaml") {
                let file = format!("{folder}/{name}");
                let documents = yaml::documents(&read(&file)).into_iter().filter(|one| !one.is_null());
                found.push((file, documents.collect()));
            }
        }
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(found.len() > 15, "{}", found.len());
    found
}

fn is_custom(manifest: &Value) -> bool {
    text(&manifest["apiVersion"]).starts_with("monitoring.coreos.com/")
}

#[test]
fn every_pod_is_taken_by_a_restricted_namespace_and_lacks_nothing() {
    let mut seen = 0;
    for (file, documents) in manifests() {
        for pod in pods(&documents) {
            assert_eq!(restricted(&pod), Vec::<String>::new(), "{file}");
            assert_eq!(wanting(&pod), Vec::<String>::new(), "{file}");
            assert!(pod.weir().is_some(), "{file}: {} has no weir in it", pod.name);
            seen += 1;
        }
    }
    assert!(seen >= 15, "{seen}");
}

#[test]
fn every_manifest_keeps_to_the_schemas_of_old_and_new_clusters() {
    let python = build::source_file(".cache/venv-kubernetes/bin/python");
    if !python.is_file() {
        eprintln!("skipped: kubernetes-validate is not installed here, `make clients` installs it");
        return;
    }
    let files: Vec<String> = manifests().into_iter().map(|(file, _)| file).collect();
    // What each of them needs at least: 1.33 has image volumes, 1.29 native sidecars.
    let needs_images = |file: &&String| file.contains("image");
    let (with_images, without): (Vec<_>, Vec<_>) = files.iter().partition(needs_images);
    assert_eq!(with_images.len(), 2, "{with_images:?}");
    let classic: Vec<_> = files.iter().filter(|file| file.contains("classic")).collect();
    assert_eq!(classic.len(), 2, "{classic:?}");
    for (version, files) in [
        ("1.28", classic),
        ("1.29", without),
        ("1.33", files.iter().collect()),
        ("1.37", files.iter().collect()),
    ] {
        let mut command = Command::new(&python);
        command.arg(build::source_file("kubernetes/validate.py")).arg(version).args(&files);
        let output = command.current_dir(repository()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{version}: {said}{}", String::from_utf8_lossy(&output.stderr));
        let checked = said.lines().last().unwrap_or_default();
        assert!(!checked.starts_with("0 "), "{version}: {said}");
    }
}

#[test]
fn a_manifest_with_a_mistake_does_not_keep_to_the_schemas() {
    let python = build::source_file(".cache/venv-kubernetes/bin/python");
    if !python.is_file() {
        eprintln!("skipped: kubernetes-validate is not installed here, `make clients` installs it");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("wrong.yaml");
    std::fs::write(
        &file,
        read("deploy/kubernetes/gateway.yaml").replace("readOnlyRootFilesystem", "readOnlyRoot"),
    )
    .unwrap();
    let script = build::source_file("kubernetes/validate.py");
    let output = Command::new(python).arg(script).arg("1.37").arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(!output.status.success() && said.contains("readOnlyRoot"), "{said}");
}

#[test]
fn the_api_server_s_own_check_and_the_operator_s_own_types_agree() {
    let Some(admission) = build::tool("admission") else { return };
    let ask = |files: &[String]| {
        let output = Command::new(&admission).args(files).current_dir(repository()).output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    };
    let files: Vec<String> = manifests().into_iter().map(|(file, _)| file).collect();
    let (is_admitted, said) = ask(&files);
    assert!(is_admitted && !said.contains(" 0 custom"), "{said}");
    let dir = tempfile::tempdir().unwrap();
    for (file, right, wrong, named) in [
        (
            "gateway",
            "allowPrivilegeEscalation: false",
            "allowPrivilegeEscalation: true",
            "allowPrivilegeEscalation",
        ),
        ("gateway", "emptyDir: {sizeLimit: 16Mi}", "hostPath: {path: /tmp}", "hostPath"),
        ("podmonitor", "honorLabels", "honourLabels", "honourLabels"),
    ] {
        let text = read(&format!("deploy/kubernetes/{file}.yaml"));
        assert!(text.contains(right), "{right}");
        let place = dir.path().join("wrong.yaml");
        std::fs::write(&place, text.replace(right, wrong)).unwrap();
        let (is_admitted, said) = ask(&[place.display().to_string()]);
        assert!(!is_admitted && said.contains(named), "{wrong}: {said}");
    }
}

/// Replaces paths of the container by those of a folder here.
fn relocated(content: &str, places: &[(String, PathBuf)]) -> String {
    let mut out = String::new();
    let mut rest = content;
    while let Some(next) = rest.chars().next() {
        let starts_a_path = out.chars().last().is_none_or(|last| " \"'=".contains(last));
        let is_whole = |path: &str| {
            let behind = rest.get(path.len()..).and_then(|behind| behind.chars().next());
            rest.starts_with(path) && behind.is_none_or(|behind| "/\"' ,}\n".contains(behind))
        };
        match places.iter().find(|(path, _)| starts_a_path && is_whole(path)) {
            Some((path, place)) => {
                out.push_str(place.to_str().unwrap());
                rest = &rest[path.len()..];
            }
            None => {
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    out
}

/// `weir validate` with what the container is started with, on the files that it finds. Whether it could be asked.
async fn validate(file: &str, pod: &Pod<'_>) -> bool {
    let weir = pod.weir().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let shipped = build::target_dir().join("plugins");
    let mut places = vec![
        ("/usr/share/weir/plugins".to_owned(), shipped),
        ("/var/cache/weir".to_owned(), build::target_dir().join("test-cache/weir")),
    ];
    let mounted = pod.mounted(&weir);
    for (at, path) in mounted.keys().enumerate() {
        let place = dir.path().join(at.to_string());
        std::fs::create_dir(&place).unwrap();
        places.push(((*path).to_owned(), place));
    }
    let configs = weir.flag("--config");
    assert!(!configs.is_empty(), "{file}: {} has no configuration", pod.name);
    let mut arguments = vec!["validate".to_owned()];
    for config in configs {
        let (folder, name) = config.rsplit_once('/').unwrap();
        let Some(files) = mounted.get(folder).unwrap_or_else(|| panic!("{file}: {folder} is not mounted"))
        else {
            return false;
        };
        let content = files.get(name).unwrap_or_else(|| panic!("{file}: there is no {config}"));
        let place = relocated(config, &places);
        std::fs::write(&place, relocated(content, &places)).unwrap();
        arguments.extend(["--config".to_owned(), place]);
    }
    for directory in weir.flag("--cache-dir") {
        arguments.extend(["--cache-dir".to_owned(), relocated(directory, &places)]);
    }
    let mut command = weir::command(None);
    for variable in items(&weir.spec["env"]) {
        command.env(text(&variable["name"]), variable["value"].as_str().unwrap_or("from-the-cluster"));
    }
    let output = command.args(&arguments).current_dir(dir.path()).output().await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{file}: {}:\n{said}", pod.name);
    true
}

#[tokio::test]
async fn every_weir_is_started_with_flags_and_a_configuration_that_it_takes() {
    let help = weir::run(&["--help"], Path::new(".")).await;
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let mut elsewhere = Vec::new();
    for (file, documents) in manifests() {
        for pod in pods(&documents) {
            for argument in
                pod.weir().unwrap().arguments().iter().filter(|argument| argument.starts_with("--"))
            {
                let flag = argument.split('=').next().unwrap();
                assert!(help.contains(flag), "{file}: {flag} is not in the help");
            }
            if !validate(&file, &pod).await {
                elsewhere.push(file.clone());
            }
        }
    }
    // Whose configuration is none of the manifests'.
    assert_eq!(elsewhere, ["deploy/helm/golden/plugin-image.yaml"]);
}

#[test]
fn every_service_and_every_monitor_finds_pods_with_the_ports_that_it_names() {
    let mut seen = BTreeSet::new();
    for (file, documents) in manifests() {
        let pods = pods(&documents);
        for manifest in &documents {
            let kind = text(&manifest["kind"]);
            let spec = &manifest["spec"];
            let (selector, ports): (&Value, Vec<&str>) = match kind {
                "Service" => {
                    (&spec["selector"], items(&spec["ports"]).map(|port| text(&port["targetPort"])).collect())
                }
                "PodMonitor" => (
                    &spec["selector"]["matchLabels"],
                    items(&spec["podMetricsEndpoints"]).map(|end| text(&end["port"])).collect(),
                ),
                "ServiceMonitor" => (
                    &spec["selector"]["matchLabels"],
                    items(&spec["endpoints"]).map(|end| text(&end["port"])).collect(),
                ),
                "PodDisruptionBudget" => (&spec["selector"]["matchLabels"], Vec::new()),
                _ => continue,
            };
            seen.insert(kind.to_owned());
            // A monitor by itself is about the gateway beside it.
            let beside = yaml::documents(&read("deploy/kubernetes/gateway.yaml"));
            let others = weir_tests::kubernetes::pods(&beside);
            let candidates = if file.ends_with("podmonitor.yaml") { &others } else { &pods };
            let wanted = selector.as_object().unwrap_or_else(|| panic!("{file}: {kind} selects nothing"));
            let is_selected = |pod: &&Pod<'_>| wanted.iter().all(|(key, value)| &pod.labels()[key] == value);
            let pod =
                candidates.iter().find(is_selected).unwrap_or_else(|| panic!("{file}: {kind} finds no pod"));
            for port in ports {
                let has = items(&pod.weir().unwrap().spec["ports"]).any(|own| own["name"] == port);
                assert!(has, "{file}: {kind} names the port {port:?}");
            }
            if is_custom(manifest) {
                has_only_known_keys(&file, kind, spec);
            }
        }
    }
    let all = ["PodDisruptionBudget", "PodMonitor", "Service", "ServiceMonitor"];
    assert_eq!(seen.iter().map(String::as_str).collect::<Vec<_>>(), all);
}

/// The Prometheus operator's resources have no schema here: the keys that are used are listed.
fn has_only_known_keys(file: &str, kind: &str, spec: &Value) {
    let endpoints = if kind == "PodMonitor" { "podMetricsEndpoints" } else { "endpoints" };
    for key in spec.as_object().unwrap().keys() {
        assert!(["selector", endpoints].contains(&key.as_str()), "{file}: {kind}: {key}");
    }
    for key in items(&spec[endpoints]).flat_map(|end| end.as_object().unwrap().keys()) {
        assert!(["port", "interval", "honorLabels"].contains(&key.as_str()), "{file}: {kind}: {key}");
    }
}

#[test]
fn the_gateway_is_the_deployment_of_the_collector_that_it_takes_over() {
    let documents = yaml::documents(&read("deploy/kubernetes/gateway.yaml"));
    let of = |kind: &str| documents.iter().find(|manifest| manifest["kind"] == kind).unwrap();
    let (config_map, deployment, service) = (of("ConfigMap"), of("Deployment"), of("Service"));
    for manifest in [config_map, deployment, service] {
        assert_eq!(manifest["metadata"]["namespace"], "observability");
    }
    assert_eq!(deployment["spec"]["replicas"], 2);
    let pods = pods(&documents);
    let weir = pods[0].weir().unwrap();
    assert_eq!(weir.flag("--config")[0], "/conf/otel-collector-config.yaml");
    for port in [4317, 4318, 8889] {
        assert!(items(&weir.spec["ports"]).any(|own| own["containerPort"] == port), "{port}");
        assert!(items(&service["spec"]["ports"]).any(|own| own["port"] == port), "{port}");
    }
    let resources =
        json!({"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"cpu": "1000m", "memory": "1Gi"}});
    assert_eq!(weir.spec["resources"], resources);
    // One file, wherever it stands.
    for name in ["otel-collector-config.yaml", "kubernetes.yaml"] {
        assert_eq!(text(&config_map["data"][name]), read(&format!("deploy/kustomize/base/{name}")), "{name}");
    }
}

#[test]
fn the_sidecar_is_a_native_one_and_the_application_sends_to_it() {
    for file in [
        "deploy/kubernetes/sidecar.yaml",
        "deploy/helm/golden/sidecar.yaml",
        "deploy/kustomize/golden/shop.yaml",
    ] {
        let documents = yaml::documents(&read(file));
        let pods = pods(&documents);
        let [pod] = pods.as_slice() else { panic!("{file}: one pod") };
        let sidecar = &pod.spec["initContainers"][0];
        assert_eq!(
            (&sidecar["name"], &sidecar["restartPolicy"]),
            (&json!("weir"), &json!("Always")),
            "{file}"
        );
        let endpoint = json!({"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://127.0.0.1:4318"});
        assert!(items(&pod.spec["containers"][0]["env"]).any(|variable| *variable == endpoint), "{file}");
    }
}

#[test]
fn a_shipped_plugin_fits_into_a_config_map() {
    for name in ["redact", "sample", "enrich"] {
        let bytes = std::fs::metadata(build::plugin(name)).unwrap().len();
        // base64 makes four of three, and a ConfigMap holds 1 MiB.
        assert!(
            bytes.div_ceil(3) * 4 < (1 << 20) - 1024,
            "{name}.wasm has {bytes} bytes: deploy/kubernetes/plugins/configmap.yaml"
        );
    }
}
