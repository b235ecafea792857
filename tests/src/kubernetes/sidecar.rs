//! What a pod with weir in it has to have beyond the standard.

use serde_json::Value;

use super::pods::{Pod, items, text};

/// How long the kubelet waits when a pod does not say.
const GRACE_SECONDS: u64 = 30;

/// How long weir goes on delivering when it is not told.
const SHUTDOWN_SECONDS: u64 = 25;

/// What a pod lacks that weir, or who runs it, relies on; empty if there is nothing.
pub fn wanting(pod: &Pod<'_>) -> Vec<String> {
    let mut wanting = Vec::new();
    let mut want = |is_there: bool, what: &str| {
        if !is_there {
            wanting.push(format!("{}: {what}", pod.name));
        }
    };
    want(pod.spec["automountServiceAccountToken"] == false, "no token of the service account is needed");
    for container in pod.containers() {
        let name = text(&container.spec["name"]);
        want(
            container.spec["securityContext"]["readOnlyRootFilesystem"] == true,
            &format!("{name}: a read-only root"),
        );
        // The kubelet runs it before the application has stopped.
        want(container.spec["lifecycle"]["preStop"].is_null(), &format!("{name}: no preStop"));
    }
    let Some(weir) = pod.weir() else { return wanting };
    for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
        want(weir.spec[probe]["httpGet"]["port"] == "health", &format!("a {probe} of the health check"));
    }
    for (name, port) in [("otlp", 4317), ("otlp-http", 4318), ("health", 13133)] {
        let is_it = |given: &Value| given["name"] == name && given["containerPort"] == port;
        want(items(&weir.spec["ports"]).any(is_it), &format!("the port {name}"));
    }
    want(items(&weir.spec["ports"]).any(|port| port["containerPort"] == 8888), "the port of the metrics");
    want(weir.spec["securityContext"]["runAsUser"] == 10001, "the user of the image");
    for key in ["/requests/cpu", "/requests/memory", "/limits/memory"] {
        want(weir.spec["resources"].pointer(key).is_some(), key);
    }
    let is_tmp = |mount: &Value| mount["mountPath"] == "/tmp" && mount["readOnly"] != true;
    want(items(&weir.spec["volumeMounts"]).any(is_tmp), "a /tmp, since the root is read-only");
    let grace = pod.spec["terminationGracePeriodSeconds"].as_u64().unwrap_or(GRACE_SECONDS);
    let shutdown = weir.flag("--shutdown-timeout");
    let shutdown = shutdown.first().map(|time| time.trim_end_matches('s').parse::<u64>().unwrap_or(u64::MAX));
    want(shutdown.unwrap_or(SHUTDOWN_SECONDS) < grace, "a grace that is longer than weir's");
    wanting
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::pods;
    use super::*;

    #[test]
    fn whatever_is_missing_is_said() {
        let weir = json!({"name": "weir", "image": "registry.example:5000/weir@sha256:0", "args": ["--shutdown-timeout=30s"],
            "lifecycle": {"preStop": {"sleep": {"seconds": 5}}}});
        let manifests = [json!({"kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": [weir]}})];
        let said = wanting(&pods(&manifests)[0]).join("\n");
        for needed in [
            "token",
            "read-only root",
            "preStop",
            "startupProbe",
            "otlp-http",
            "metrics",
            "user",
            "/limits/memory",
            "/tmp",
            "grace",
        ] {
            assert!(said.contains(needed), "{needed}: {said}");
        }
    }
}
