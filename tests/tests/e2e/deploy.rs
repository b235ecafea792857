//! What stands in `deploy/` and in the README is right, as far as that shows without a cluster: every configuration is valid, every manifest
//! keeps to Kubernetes' schemas and to the `restricted` standard, and the image's files work under a pod's restrictions.

mod image;
mod manifests;
mod rendered;

use std::path::PathBuf;

use weir_tests::{build, weir};

fn repository() -> PathBuf {
    build::source_file("..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// `weir validate` with paths of plugins as they are here; variables without a default get one.
async fn assert_valid(what: &str, config: &str) {
    let plugins = build::target_dir().join("plugins");
    let plugins = plugins.to_str().unwrap();
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("plugins.d")).unwrap();
    let drop_in = dir.path().join("plugins.d");
    for (name, file) in [("tls.crt", "server.pem"), ("tls.key", "server.key.pem"), ("ca.crt", "ca.pem")] {
        std::fs::copy(weir_tests::tls::file(file), dir.path().join(name)).unwrap();
    }
    let config = config
        .replace("/usr/share/weir/plugins", "target/plugins")
        .replace("target/plugins", plugins)
        .replace("/etc/weir/plugins", drop_in.to_str().unwrap())
        .replace("/etc/weir/tls", dir.path().to_str().unwrap());
    std::fs::write(dir.path().join("config.yaml"), &config).unwrap();
    let output = weir::run(&["validate", "--config", "config.yaml"], dir.path()).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{what} is not valid:\n{said}\n{config}");
}

#[tokio::test]
async fn every_example_configuration_is_valid() {
    let mut examples = vec!["deploy/image/config.yaml".to_owned()];
    for entry in std::fs::read_dir(repository().join("deploy/examples")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if name.ends_with(".yaml") {
            examples.push(format!("deploy/examples/{name}"));
        }
    }
    assert!(examples.len() >= 3, "{examples:?}");
    for example in examples {
        assert_valid(&example, &read(&example)).await;
    }
}

#[tokio::test]
async fn the_configuration_in_the_readme_is_valid() {
    let readme = read("README.md");
    let block = readme.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    assert!(block.contains("receivers:"), "{block}");
    assert_valid("README.md", block).await;
}

#[tokio::test]
async fn the_limits_in_the_readme_are_the_defaults_of_keys_that_exist() {
    let readme = read("README.md");
    let limits = readme.split("```yaml\nlimits: ").nth(1).unwrap().split("```").next().unwrap();
    let processor = format!("{{plugin: target/plugins/redact.wasm, limits: {limits}}}");
    let pipeline = "{receivers: [otlp], processors: [wasm], exporters: [nop]}";
    let config = format!(
        "receivers: {{otlp: {{protocols: {{grpc: }}}}}}\nprocessors: {{wasm: {processor}}}\nexporters: {{nop: }}\n\
         service: {{pipelines: {{logs: {pipeline}}}}}\n"
    );
    assert_valid("README.md", &config).await;
}

#[tokio::test]
async fn the_sample_in_the_readme_is_what_the_example_plugin_does() {
    let readme = read("README.md");
    let sample = readme.split("tenant.samples/one-log.json:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let plugins = tempfile::tempdir().unwrap();
    let samples = plugins.path().join("tenant.samples");
    std::fs::create_dir(&samples).unwrap();
    std::fs::write(samples.join("one-log.json"), sample).unwrap();
    let tenant = build::target_dir().join("plugins/examples/tenant.wasm");
    std::fs::copy(tenant, plugins.path().join("tenant.wasm")).unwrap();
    let config = "receivers: {otlp: {protocols: {grpc: }}}\nprocessors: {wasm: {directory: .}}\nexporters: {nop: }\n\
                  service: {pipelines: {logs: {receivers: [otlp], processors: [wasm], exporters: [nop]}}}\n";
    std::fs::write(plugins.path().join("config.yaml"), config).unwrap();
    let output = weir::run(&["validate", "--config", "config.yaml"], plugins.path()).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(said.contains("samples=1"), "{said}");
}
