//! What stands in `deploy/` and in the README is right, as far as that shows without a cluster or an image builder:
//! every configuration is valid, the manifest and the image agree with it and with the binary.

use std::path::{Path, PathBuf};
use std::process::Command;

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

/// The lines of a literal block (`key: |`), without their indentation.
fn literal_block(yaml: &str, key: &str) -> String {
    let mut lines = yaml.lines().skip_while(|line| line.trim() != format!("{key}: |"));
    let indent = |line: &str| line.len() - line.trim_start().len();
    let outer = indent(lines.next().unwrap_or_else(|| panic!("no block {key}")));
    let inside: Vec<&str> = lines.take_while(|line| line.trim().is_empty() || indent(line) > outer).collect();
    let inner = inside.iter().filter(|line| !line.trim().is_empty()).map(|line| indent(line)).min().unwrap();
    inside.iter().map(|line| line.get(inner..).unwrap_or_default()).collect::<Vec<_>>().join("\n")
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

#[tokio::test]
async fn the_configuration_in_the_kubernetes_manifest_is_valid() {
    let manifest = read("deploy/kubernetes/sidecar.yaml");
    assert_valid("deploy/kubernetes/sidecar.yaml", &literal_block(&manifest, "config.yaml")).await;
}

#[tokio::test]
async fn the_manifest_starts_weir_with_flags_that_it_has() {
    let manifest = read("deploy/kubernetes/sidecar.yaml");
    let arguments = manifest.lines().find_map(|line| line.trim().strip_prefix("args: ")).unwrap();
    let help = weir::run(&["--help"], Path::new(".")).await;
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let flags: Vec<&str> = arguments.split('"').filter(|word| word.starts_with("--")).collect();
    assert!(flags.contains(&"--config"), "{flags:?}");
    for flag in flags {
        assert!(help.contains(flag), "{flag} is not in the help");
    }
}

#[test]
fn the_manifest_is_a_restricted_native_sidecar_that_is_given_time_to_stop() {
    let manifest = read("deploy/kubernetes/sidecar.yaml");
    let (before, application) = manifest.split_once("  containers:").unwrap();
    let sidecar = before.split_once("  initContainers:").unwrap().1;
    for needed in [
        "restartPolicy: Always",
        "startupProbe: {httpGet: {path: /, port: health}",
        "runAsUser: 10001",
        "allowPrivilegeEscalation: false",
        "readOnlyRootFilesystem: true",
        "capabilities: {drop: [ALL]}",
        "{name: otlp, containerPort: 4317}",
        "{name: otlp-http, containerPort: 4318}",
        "{name: health, containerPort: 13133}",
        "{name: metrics, containerPort: 8888}",
    ] {
        assert!(sidecar.contains(needed), "the sidecar lacks {needed}");
    }
    assert!(manifest.contains("runAsNonRoot: true"));
    assert!(!manifest.lines().any(|line| line.trim_start().starts_with("preStop")), "T7 of contracts.md");
    assert!(!manifest.contains("subPath:"), "a mount by subPath is never updated");
    let seconds = |text: &str, after: &str| -> u64 {
        let digits = text.split_once(after).unwrap().1.chars().take_while(char::is_ascii_digit);
        digits.collect::<String>().parse().unwrap()
    };
    let grace = seconds(&manifest, "terminationGracePeriodSeconds: ");
    assert!(
        seconds(&manifest, "\"--shutdown-timeout\", \"") < grace,
        "weir must be done before it is killed"
    );
    assert!(application.contains("http://127.0.0.1:4318"), "the application sends to its sidecar");
    // What the sidecar mounts is there, and writable where it writes.
    for volume in ["config", "tmp"] {
        assert!(sidecar.contains(&format!("{{name: {volume}, mountPath")), "{volume} is not mounted");
        assert!(application.contains(&format!("- {{name: {volume}, ")), "{volume} is not defined");
    }
}

#[test]
fn the_image_copies_what_exists_and_runs_as_the_user_of_the_manifest() {
    let recipe = read("deploy/image/Containerfile");
    let last_stage = recipe.rsplit_once("\nFROM ").unwrap().1;
    for line in recipe.lines().filter_map(|line| line.strip_prefix("COPY ")) {
        let source = line.split(' ').next().unwrap();
        if !source.starts_with("--from") {
            assert!(repository().join(source).exists(), "COPY {line}: {source} is not in the repository");
        }
    }
    assert!(last_stage.contains("USER 10001:10001"));
    assert!(last_stage.contains("EXPOSE 4317 4318 13133 8888"));
    assert!(last_stage.contains("deploy/image/config.yaml /etc/weir/config.yaml"));
    let arguments = r#"CMD ["--config", "/etc/weir/config.yaml", "--cache-dir", "/var/cache/weir"]"#;
    assert!(last_stage.contains(arguments));
    assert!(last_stage.contains("/out/code/ /var/cache/weir/"));
    assert!(recipe.contains("weir plugin precompile --cache-dir /out/code"));
    let manifest = read("deploy/kubernetes/sidecar.yaml");
    assert!(
        manifest.contains(r#""--cache-dir", "/var/cache/weir""#)
            && !manifest.contains("mountPath: /var/cache")
    );
}

#[test]
fn the_binary_needs_no_library_that_a_slim_image_lacks() {
    let output = Command::new("ldd").arg(build::weir_binary()).output().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    const SLIM: [&str; 5] = ["linux-vdso.so", "libgcc_s.so", "libm.so", "libc.so", "ld-linux"];
    for line in text.lines() {
        let library = line.split_whitespace().next().unwrap_or_default();
        assert!(SLIM.iter().any(|known| library.contains(known)), "weir needs {library}");
    }
}
