//! Configurations for tests: whole ones, made of the part that a test is about.

use std::collections::BTreeMap;

use super::{Config, Loaded, Source, load_sources};

pub fn text(text: &str) -> Source {
    Source::Text { name: "f.yaml", text: text.to_owned() }
}

pub fn no_environment() -> BTreeMap<String, String> {
    BTreeMap::new()
}

pub fn loaded(yaml: &str) -> Loaded {
    load_sources(&[text(yaml)], &no_environment()).unwrap_or_else(|problems| {
        panic!("{}", problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    })
}

pub fn config(yaml: &str) -> Config {
    loaded(yaml).config
}

pub fn problems(yaml: &str) -> Vec<String> {
    let problems = load_sources(&[text(yaml)], &no_environment()).unwrap_err();
    problems.iter().map(ToString::to_string).collect()
}

/// A minimal configuration with one part replaced, on lines of their own.
pub fn with(receivers: &str, processors: &str, exporters: &str, service: &str) -> String {
    format!("receivers: {receivers}\nprocessors: {processors}\nexporters: {exporters}\nservice: {service}\n")
}

pub const OTLP: &str = "{otlp: {protocols: {grpc: , http: }}}";
pub const NOP: &str = "{nop: }";
pub const TRACES: &str = "{pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}";

pub fn with_receivers(receivers: &str) -> String {
    with(receivers, "", NOP, TRACES)
}

pub fn with_exporter(exporter: &str, id: &str) -> String {
    let service = format!("{{pipelines: {{traces: {{receivers: [otlp], exporters: [{id}]}}}}}}");
    with(OTLP, "", exporter, &service)
}

pub fn with_processor(processor: &str) -> String {
    with_processors(processor, "wasm")
}

pub fn with_processors(processors: &str, ids: &str) -> String {
    let service =
        format!("{{pipelines: {{traces: {{receivers: [otlp], processors: [{ids}], exporters: [nop]}}}}}}");
    with(OTLP, processors, NOP, &service)
}

/// All of these processors, in the order in which they are written, in a pipeline of the signal.
pub fn with_processors_of(signal: &str, processors: &str) -> String {
    let file = std::sync::Arc::from("f.yaml");
    let ids: Vec<String> = match super::yaml::parse(processors, &file) {
        Ok(node) => node.entries().iter().map(|entry| entry.key.clone()).collect(),
        Err(problems) => panic!("{problems:?}"),
    };
    let ids = ids.join(", ");
    let service =
        format!("{{pipelines: {{{signal}: {{receivers: [otlp], processors: [{ids}], exporters: [nop]}}}}}}");
    with(OTLP, processors, NOP, &service)
}
