//! The configuration without `--config`: OTLP in on localhost, `./plugins.d` if there is one, `debug` out.

use std::path::Path;

use super::load::Source;

/// The drop-in directory that is used if it is there.
pub const PLUGIN_DIRECTORY: &str = "plugins.d";

const BASE: &str = "
receivers:
  otlp:
    protocols:
      grpc:
      http:
exporters:
  debug:
service:
  pipelines:
    traces: {receivers: [otlp], exporters: [debug]}
    metrics: {receivers: [otlp], exporters: [debug]}
    logs: {receivers: [otlp], exporters: [debug]}
";

const WITH_PLUGINS: &str = "
processors:
  wasm:
    directory: ./plugins.d
service:
  pipelines:
    traces: {processors: [wasm]}
    metrics: {processors: [wasm]}
    logs: {processors: [wasm]}
";

/// The built-in configuration, with the plugin directory if `working_directory` has one.
pub fn sources(working_directory: &Path) -> Vec<Source> {
    let text = |text: &str| Source::Text { name: "built-in", text: text.to_owned() };
    let mut sources = vec![text(BASE)];
    if working_directory.join(PLUGIN_DIRECTORY).is_dir() {
        sources.push(text(WITH_PLUGINS));
    }
    sources
}
