//! The pods that a set of manifests makes, and the files that weir finds in them.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a manifest says of a pod, be it in a Deployment, a DaemonSet or by itself.
pub struct Pod<'a> {
    /// `Deployment shop`.
    pub name: String,
    /// The PodSpec.
    pub spec: &'a Value,
    manifest: &'a Value,
    manifests: &'a [Value],
}

/// One container of a pod.
pub struct Container<'a> {
    /// The Container.
    pub spec: &'a Value,
}

/// The pods in these documents.
pub fn pods(manifests: &[Value]) -> Vec<Pod<'_>> {
    let found = manifests.iter().filter_map(|manifest| {
        let spec = match text(&manifest["kind"]) {
            "Pod" => &manifest["spec"],
            "Deployment" | "DaemonSet" | "StatefulSet" | "Job" => &manifest["spec"]["template"]["spec"],
            _ => return None,
        };
        let name = format!("{} {}", text(&manifest["kind"]), text(&manifest["metadata"]["name"]));
        Some(Pod { name, spec, manifest, manifests })
    });
    found.collect()
}

impl<'a> Pod<'a> {
    /// The labels that it is found by.
    pub fn labels(&self) -> &'a Value {
        match self.manifest["spec"].get("template") {
            Some(template) => &template["metadata"]["labels"],
            None => &self.manifest["metadata"]["labels"],
        }
    }

    /// Every container.
    pub fn containers(&self) -> impl Iterator<Item = Container<'a>> {
        let lists = ["initContainers", "containers", "ephemeralContainers"].map(|key| &self.spec[key]);
        lists.into_iter().flat_map(items).map(|spec| Container { spec })
    }

    /// The one that runs weir, if there is one.
    pub fn weir(&self) -> Option<Container<'a>> {
        let is_weir = |image: &str| {
            let name = image.rsplit('/').next().unwrap_or_default();
            name.split([':', '@']).next() == Some("weir")
        };
        self.containers().find(|container| container.spec["image"].as_str().is_some_and(is_weir))
    }

    /// The directories that a container finds, by path, each with its files if it is a ConfigMap among these manifests.
    pub fn mounted(
        &self,
        container: &Container<'a>,
    ) -> BTreeMap<&'a str, Option<BTreeMap<&'a str, &'a str>>> {
        let mut found = BTreeMap::new();
        for mount in items(&container.spec["volumeMounts"]) {
            let volume = items(&self.spec["volumes"]).find(|volume| volume["name"] == mount["name"]);
            let volume = volume.unwrap_or_else(|| panic!("{}: {} is not defined", self.name, mount["name"]));
            assert!(mount.get("subPath").is_none(), "{}: a mount by subPath is never updated", self.name);
            let files = volume["configMap"]["name"].as_str().and_then(|name| self.config_map(name));
            found.insert(text(&mount["mountPath"]), files);
        }
        found
    }

    fn config_map(&self, name: &str) -> Option<BTreeMap<&'a str, &'a str>> {
        let is_it =
            |manifest: &&Value| manifest["kind"] == "ConfigMap" && manifest["metadata"]["name"] == name;
        let data = self.manifests.iter().find(is_it)?["data"].as_object()?;
        Some(data.iter().filter_map(|(file, content)| Some((file.as_str(), content.as_str()?))).collect())
    }
}

impl<'a> Container<'a> {
    /// Its arguments.
    pub fn arguments(&self) -> Vec<&'a str> {
        items(&self.spec["args"]).filter_map(Value::as_str).collect()
    }

    /// What stands behind `--FLAG` or `--FLAG=`, as often as it is given.
    pub fn flag(&self, flag: &str) -> Vec<&'a str> {
        let arguments = self.arguments();
        let mut values = Vec::new();
        for (at, argument) in arguments.iter().enumerate() {
            match argument.strip_prefix(flag) {
                Some("") => values.extend(arguments.get(at + 1)),
                Some(rest) => values.extend(rest.strip_prefix('=')),
                None => {}
            }
        }
        values
    }
}

/// The items of a list; none if there is no list.
pub fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A text; empty if it is none.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}
