//! From the expanded tree to the typed configuration: each section, then what concerns several of them.

use std::collections::{BTreeMap, BTreeSet};

use super::Config;
use super::at::At;
use super::catalog::{self, Kind};
use super::diagnostic::{Diagnostic, Place};
use super::exporter::ExporterConfig;
use super::extension::HealthCheckConfig;
use super::id::ComponentId;
use super::listening::ServerEndpoint;
use super::node::{Node, Value};
use super::pipeline::{self, Defined, PipelineConfig};
use super::processor::WasmProcessorConfig;
use super::receiver::OtlpReceiverConfig;
use super::telemetry::TelemetryConfig;

const SECTIONS: [&str; 6] = ["receivers", "processors", "exporters", "connectors", "extensions", "service"];
const SERVICE_KEYS: [&str; 3] = ["extensions", "pipelines", "telemetry"];

/// A section: every id that it defines with its place, and those components that are valid.
struct Section<T> {
    places: BTreeMap<ComponentId, Place>,
    components: BTreeMap<ComponentId, T>,
}

impl<T> Section<T> {
    fn ids(&self) -> BTreeSet<ComponentId> {
        self.places.keys().cloned().collect()
    }
}

/// Builds the configuration. All that is wrong goes to `problems`; then the answer is `None`.
pub(super) fn assemble(
    root: &Node,
    problems: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> Option<Config> {
    let at = At::root(root);
    known_keys(&at, &SECTIONS, problems)?;
    let connectors = at.key("connectors");
    if connectors.node().is_some_and(|node| !node.is_null() && !node.entries().is_empty()) {
        problems.push(connectors.problem("connectors are not supported yet by weir; leave them out"));
    }
    let receivers =
        section(&at, &catalog::RECEIVERS, problems, |_, at, problems| OtlpReceiverConfig::read(at, problems));
    let processors = section(&at, &catalog::PROCESSORS, problems, |_, at, problems| {
        WasmProcessorConfig::read(at, problems)
    });
    let exporters = section(&at, &catalog::EXPORTERS, problems, ExporterConfig::read);
    let extensions =
        section(&at, &catalog::EXTENSIONS, problems, |_, at, problems| HealthCheckConfig::read(at, problems));

    let service = at.key("service");
    known_keys(&service, &SERVICE_KEYS, problems);
    let health_check = health_check(&extensions, &service.key("extensions"), problems, warnings);
    let telemetry = TelemetryConfig::read(&service.key("telemetry"), problems, warnings);
    let defined =
        Defined { receivers: receivers.ids(), processors: processors.ids(), exporters: exporters.ids() };
    let pipelines = pipeline::read(&service.key("pipelines"), &defined, problems);

    let config = Config {
        receivers: used(receivers, &catalog::RECEIVERS, &pipelines, |p| &p.receivers, warnings),
        processors: used(processors, &catalog::PROCESSORS, &pipelines, |p| &p.processors, warnings),
        exporters: used(exporters, &catalog::EXPORTERS, &pipelines, |p| &p.exporters, warnings),
        health_check,
        telemetry: telemetry.unwrap_or_default(),
        pipelines,
    };
    check_upstreams(&config, &at, problems);
    check_endpoints(&config, &at, problems);
    problems.is_empty().then_some(config)
}

/// Reports what is no map and keys that are unknown. `None` if there is nothing to go on with.
fn known_keys(at: &At<'_>, known: &[&str], problems: &mut Vec<Diagnostic>) -> Option<()> {
    let node = at.node()?;
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        problems.push(at.problem(format!("expected a map with the keys {}", known.join(", "))));
        return None;
    }
    for entry in node.entries().iter().filter(|entry| !known.contains(&entry.key.as_str())) {
        let reason = format!("unknown key \"{}\"", entry.key);
        problems.push(at.key(&entry.key).problem(reason).with_valid(&entry.key, known.iter().copied()));
    }
    Some(())
}

/// Reads one section. `read` gets the type's first name.
fn section<T>(
    root: &At<'_>,
    kind: &Kind,
    problems: &mut Vec<Diagnostic>,
    read: impl Fn(&str, &At<'_>, &mut Vec<Diagnostic>) -> Option<T>,
) -> Section<T> {
    let mut section = Section { places: BTreeMap::new(), components: BTreeMap::new() };
    let at = root.key(kind.section);
    let Some(node) = at.node() else { return section };
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        problems.push(at.problem(format!("expected a map of {}", kind.section)));
    }
    for entry in node.entries() {
        let at = at.key(&entry.key);
        let id = match ComponentId::parse(&entry.key) {
            Ok(id) => id,
            Err(reason) => {
                problems.push(at.problem(reason));
                continue;
            }
        };
        match kind.find(&at.path, id.component_type()) {
            Ok(found) => {
                if let Some(component) = read(found.name, &at, problems) {
                    section.components.insert(id.clone(), component);
                }
            }
            Err(problem) => problems.push(problem.at(at.place())),
        }
        section.places.insert(id, at.place().clone());
    }
    section
}

/// The health check is on in any case: as configured, or with its defaults.
fn health_check(
    extensions: &Section<HealthCheckConfig>,
    listed: &At<'_>,
    problems: &mut Vec<Diagnostic>,
    warnings: &mut Vec<Diagnostic>,
) -> HealthCheckConfig {
    let mut ids = Vec::new();
    match listed.node().map(|node| &node.value) {
        None | Some(Value::Null) => {}
        Some(Value::Sequence(items)) => {
            for (index, item) in items.iter().enumerate() {
                let problem = |reason: String| listed.item(index).problem(reason);
                let Value::String(written) = &item.value else {
                    problems.push(problem("expected the id of an extension".to_owned()));
                    continue;
                };
                match ComponentId::parse(written) {
                    Err(reason) => problems.push(problem(reason)),
                    Ok(id) if !extensions.places.contains_key(&id) => {
                        problems
                            .push(problem(format!("references extension \"{id}\" which is not configured")));
                    }
                    Ok(id) => ids.push(id),
                }
            }
        }
        Some(_) => problems.push(listed.problem("expected a list of extensions")),
    }
    if let Some((id, place)) = extensions.places.iter().nth(1) {
        let problem =
            Diagnostic::new(format!("extensions::{id}"), "weir has one health check; leave this out");
        problems.push(problem.at(place));
    }
    if let Some((id, place)) = extensions.places.iter().find(|(id, _)| !ids.contains(id)) {
        let reason = "not listed in service::extensions; weir serves it all the same";
        warnings.push(Diagnostic::new(format!("extensions::{id}"), reason).at(place));
    }
    extensions.components.values().next().cloned().unwrap_or_default()
}

/// The components that a pipeline uses; the others are not started, which is worth a warning.
fn used<T>(
    section: Section<T>,
    kind: &Kind,
    pipelines: &[PipelineConfig],
    of: impl Fn(&PipelineConfig) -> &[ComponentId],
    warnings: &mut Vec<Diagnostic>,
) -> BTreeMap<ComponentId, T> {
    let used: BTreeSet<&ComponentId> = pipelines.iter().flat_map(of).collect();
    for (id, place) in section.places.iter().filter(|(id, _)| !used.contains(id)) {
        let path = format!("{}::{id}", kind.section);
        let reason = "configured but used in no pipeline, so it is not started";
        warnings.push(Diagnostic::new(path, reason).at(place));
    }
    section.components.into_iter().filter(|(id, _)| used.contains(id)).collect()
}

/// Every signal that an `otlp_http` exporter gets has somewhere to go.
fn check_upstreams(config: &Config, root: &At<'_>, problems: &mut Vec<Diagnostic>) {
    for pipeline in &config.pipelines {
        for id in &pipeline.exporters {
            let Some(ExporterConfig::OtlpHttp(exporter)) = config.exporters.get(id) else { continue };
            if exporter.url(pipeline.signal).is_none() {
                let signal = pipeline.signal.name();
                let reason = format!(
                    "the pipeline {} sends {signal} here; set endpoint or {signal}_endpoint",
                    pipeline.name
                );
                problems.push(root.key("exporters").key(&id.to_string()).problem(reason));
            }
        }
    }
}

/// No two servers listen on one address.
fn check_endpoints(config: &Config, root: &At<'_>, problems: &mut Vec<Diagnostic>) {
    let mut servers: Vec<(ServerEndpoint, At<'_>)> = Vec::new();
    for (id, receiver) in &config.receivers {
        let protocols = root.key("receivers").key(&id.to_string()).key("protocols");
        if let Some(grpc) = &receiver.grpc {
            servers.push((grpc.endpoint.clone(), protocols.key("grpc")));
        }
        if let Some(http) = &receiver.http {
            servers.push((http.endpoint.clone(), protocols.key("http")));
        }
    }
    servers.push((config.health_check.endpoint.clone().into(), root.key("extensions").key("health_check")));
    if let Some(metrics) = &config.telemetry.metrics {
        let at = root.key("service").key("telemetry").key("metrics");
        servers.push((metrics.endpoint.clone().into(), at));
    }
    for (index, (endpoint, at)) in servers.iter().enumerate() {
        let earlier = servers.iter().take(index).find(|(other, _)| endpoint.collides_with(other));
        if let Some((_, other)) = earlier {
            let reason = format!("the endpoint {endpoint} is that of {} already", other.path);
            problems.push(at.problem(reason));
        }
    }
}
