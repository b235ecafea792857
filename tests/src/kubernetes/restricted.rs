//! The `restricted` Pod Security Standard: what a namespace that enforces it refuses. Every control of the standard that a pod
//! on Linux can break.

use serde_json::Value;

use super::pods::{Container, Pod, items, text};

/// The volumes that the standard allows. `image` is among them since there are image volumes.
const VOLUMES: [&str; 9] = [
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// What the standard refuses in a pod; empty if it is taken.
pub fn restricted(pod: &Pod<'_>) -> Vec<String> {
    let mut refused = Vec::new();
    let mut refuse = |is_refused: bool, what: &str| {
        if is_refused {
            refused.push(format!("{}: {what}", pod.name));
        }
    };
    for key in ["hostNetwork", "hostPID", "hostIPC"] {
        refuse(pod.spec[key] == true, key);
    }
    for volume in items(&pod.spec["volumes"]) {
        let kinds = volume.as_object().into_iter().flat_map(|volume| volume.keys());
        let kind = kinds.map(String::as_str).find(|key| *key != "name").unwrap_or("emptyDir");
        refuse(!VOLUMES.contains(&kind), &format!("a volume of the kind {kind}"));
    }
    refuse(items(&pod.spec["securityContext"]["sysctls"]).next().is_some(), "sysctls");
    for container in pod.containers() {
        for what in refused_container(&pod.spec["securityContext"], &container) {
            refuse(true, &format!("{}: {what}", text(&container.spec["name"])));
        }
    }
    refused
}

fn refused_container(pod: &Value, container: &Container<'_>) -> Vec<&'static str> {
    let own = &container.spec["securityContext"];
    // What a container does not say, its pod says.
    let either = |key: &str| Some(&own[key]).filter(|value| !value.is_null()).unwrap_or(&pod[key]);
    let capabilities = &own["capabilities"];
    let added = || items(&capabilities["add"]);
    let seccomp = text(&either("seccompProfile")["type"]);
    let app_armor = &either("appArmorProfile")["type"];
    let se_linux = &either("seLinuxOptions");
    let has_host_port =
        items(&container.spec["ports"]).any(|port| port["hostPort"].as_u64().unwrap_or(0) != 0);
    [
        (own["privileged"] == true, "privileged"),
        (own["allowPrivilegeEscalation"] != false, "allowPrivilegeEscalation is not false"),
        (!items(&capabilities["drop"]).any(|name| name == "ALL"), "not all capabilities are dropped"),
        (added().any(|name| name != "NET_BIND_SERVICE"), "a capability is added"),
        (*either("runAsNonRoot") != true, "runAsNonRoot is not true"),
        (*either("runAsUser") == 0, "runs as root"),
        (!["RuntimeDefault", "Localhost"].contains(&seccomp), "no seccomp profile"),
        (*app_armor == "Unconfined", "AppArmor is off"),
        (!se_linux["user"].is_null() || !se_linux["role"].is_null(), "an SELinux user or role"),
        (!own["procMount"].is_null() && own["procMount"] != "Default", "procMount"),
        (has_host_port, "a port of the host"),
        (asks_another_host(container.spec), "a probe of another host"),
    ]
    .into_iter()
    .filter_map(|(is_refused, what)| is_refused.then_some(what))
    .collect()
}

fn asks_another_host(container: &Value) -> bool {
    let probes = ["startupProbe", "readinessProbe", "livenessProbe"].map(|key| &container[key]);
    let hooks = ["postStart", "preStop"].map(|key| &container["lifecycle"][key]);
    probes
        .into_iter()
        .chain(hooks)
        .any(|asks| ["httpGet", "tcpSocket"].iter().any(|how| !text(&asks[*how]["host"]).is_empty()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::pods;
    use super::*;

    fn pod() -> Value {
        json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "volumes": [{"name": "tmp", "emptyDir": {}}],
            "containers": [{"name": "c", "ports": [{"containerPort": 1}], "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]},
            }}],
        }})
    }

    #[test]
    fn a_pod_that_asks_for_nothing_is_taken() {
        assert_eq!(restricted(&pods(&[pod()])[0]), Vec::<String>::new());
    }

    #[test]
    fn whatever_the_standard_forbids_is_refused() {
        for (path, key, value) in [
            ("/spec", "hostNetwork", json!(true)),
            ("/spec", "hostPID", json!(true)),
            ("/spec", "hostIPC", json!(true)),
            ("/spec/volumes/0", "hostPath", json!({"path": "/"})),
            ("/spec/securityContext", "sysctls", json!([{"name": "net.core.somaxconn", "value": "1"}])),
            ("/spec/securityContext", "runAsNonRoot", json!(null)),
            ("/spec/securityContext", "seccompProfile", json!({"type": "Unconfined"})),
            ("/spec/securityContext", "seccompProfile", json!(null)),
            ("/spec/securityContext", "seLinuxOptions", json!({"user": "u"})),
            ("/spec/containers/0/securityContext", "seLinuxOptions", json!({"role": "r"})),
            ("/spec/containers/0/securityContext", "privileged", json!(true)),
            ("/spec/containers/0/securityContext", "allowPrivilegeEscalation", json!(null)),
            ("/spec/containers/0/securityContext", "capabilities", json!({"drop": ["NET_RAW"]})),
            (
                "/spec/containers/0/securityContext",
                "capabilities",
                json!({"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
            ),
            ("/spec/containers/0/securityContext", "runAsNonRoot", json!(false)),
            ("/spec/containers/0/securityContext", "runAsUser", json!(0)),
            ("/spec/containers/0/securityContext", "procMount", json!("Unmasked")),
            ("/spec/containers/0/securityContext", "appArmorProfile", json!({"type": "Unconfined"})),
            ("/spec/containers/0/ports/0", "hostPort", json!(1)),
            ("/spec/containers/0", "livenessProbe", json!({"httpGet": {"host": "elsewhere", "port": 1}})),
        ] {
            let mut pod = pod();
            let place = pod.pointer_mut(path).and_then(Value::as_object_mut).expect("a map");
            place.remove("emptyDir");
            place.insert(key.to_owned(), value);
            let manifests = [pod];
            assert_ne!(restricted(&pods(&manifests)[0]), Vec::<String>::new(), "{path} {key}");
        }
    }

    #[test]
    fn every_container_is_looked_at() {
        for key in ["initContainers", "containers", "ephemeralContainers"] {
            let mut pod = pod();
            pod["spec"][key] = json!([{"name": "bare"}]);
            let manifests = [pod];
            let refused = restricted(&pods(&manifests)[0]);
            assert!(
                refused.iter().any(|what| what.contains("bare: not all capabilities")),
                "{key}: {refused:?}"
            );
        }
    }
}
