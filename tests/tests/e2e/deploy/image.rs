//! The image: its file tree, run in a real container with the restrictions of a pod; and the image itself, where buildah is.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use weir_tests::container::{self, Image};
use weir_tests::weir::plain_grpc;
use weir_tests::{GrpcSender, Launch, Ports, Signal, Upstream, build, requests, tls, yaml};

use super::{read, repository};

/// What the manifests start weir with.
const ARGUMENTS: [&str; 4] = ["--config", "/etc/weir/config.yaml", "--cache-dir", "/var/cache/weir"];

fn redact() -> Value {
    json!({"wasm/redact": {"plugin": "/usr/share/weir/plugins/redact.wasm"}})
}

/// An emptyDir: anybody may write to it.
fn empty_dir() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    dir
}

/// Sends a log record with an e-mail address in it and gives what arrives.
async fn passes_redacted(grpc: u16, upstream: &Upstream) {
    let before = upstream.delivered().len();
    let mut record = requests::log("mail");
    record
        .attributes
        .push(requests::attribute("note", requests::text("to ada.lovelace@example.org, please")));
    let body = prost::Message::encode_to_vec(&requests::logs(vec![record]));
    GrpcSender::new(grpc).send(Signal::Logs, body).await.unwrap();
    let arrived = upstream.deliveries(before + 1).await.pop().unwrap().body;
    let records = requests::log_records(&arrived);
    let note = requests::text_of(&records[0].attributes, "note").unwrap();
    assert!(note.starts_with("to ") && note.ends_with(", please") && !note.contains("ada"), "{note}");
}

#[tokio::test]
async fn a_restricted_container_redacts_with_the_code_of_the_image_and_restarts() {
    let Some(image) = Image::tree(&[]) else { return };
    let (upstream, tmp) = (Upstream::start().await, empty_dir());
    for _start in 0..2 {
        let ports = Ports::pick();
        let config = container::config(ports, &redact(), plain_grpc(&upstream.address()));
        let mut container = image.run(ports, &config, tmp.path(), &ARGUMENTS).await;
        assert_eq!(container.weir.health().await, Some(200));
        passes_redacted(ports.grpc, &upstream).await;
        let metrics = container.weir.metrics().await;
        let counted = |result| metrics.sum("weir_plugin_code_cache_total", &[("result", result)]);
        assert_eq!(
            (counted("hit"), counted("miss"), counted("rejected")),
            (1.0, 0.0, 0.0),
            "nothing is compiled"
        );
        assert_eq!(container.status("Uid"), "10001 10001 10001 10001");
        assert_eq!(container.status("Gid"), "10001 10001 10001 10001");
        for set in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
            assert_eq!(container.status(set), "0000000000000000", "{set}");
        }
        assert_eq!((container.status("NoNewPrivs"), container.status("Seccomp")), ("1".into(), "2".into()));
        container.weir.settle().await;
        container.weir.stop().await;
        let said = container.weir.stderr();
        assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
    }
}

#[tokio::test]
async fn a_restricted_container_compiles_plugins_of_one_s_own_once() {
    let Some(image) = Image::tree(&[("COMPILE", "no")]) else { return };
    let (upstream, tmp) = (Upstream::start().await, empty_dir());
    // Beside the shipped ones in the tree, but without code in the image.
    let own = image.root().join("usr/share/weir/plugins/tenant.wasm");
    fs::copy(build::target_dir().join("plugins/examples/tenant.wasm"), own).unwrap();
    let processors = json!({"wasm/tenant": {"plugin": "/usr/share/weir/plugins/tenant.wasm"}});
    let arguments = ["--config", "/etc/weir/config.yaml", "--cache-dir", "/tmp/code"];
    for expected in [(0.0, 1.0), (1.0, 0.0)] {
        let ports = Ports::pick();
        let config = container::config(ports, &processors, plain_grpc(&upstream.address()));
        let mut container = image.run(ports, &config, tmp.path(), &arguments).await;
        let body = requests::unique(Signal::Logs, "own", 1);
        GrpcSender::new(ports.grpc).send(Signal::Logs, body).await.unwrap();
        let arrived = upstream.delivered().pop().unwrap().body;
        let records = requests::log_records(&arrived);
        assert_eq!(requests::text_of(&records[0].attributes, "demo.fourth_plugin"), Some("yes"));
        let metrics = container.weir.metrics().await;
        let counted = |result| metrics.sum("weir_plugin_code_cache_total", &[("result", result)]);
        assert_eq!((counted("hit"), counted("miss")), expected);
        container.weir.settle().await;
        container.weir.stop().await;
    }
}

#[tokio::test]
async fn a_restricted_container_trusts_the_authorities_of_the_image_and_no_others() {
    let upstream = Upstream::start().await;
    // An upstream with TLS is a weir with a certificate.
    let mut front = Launch::new().to_grpc(&upstream.address());
    let certificate = json!({"cert_file": tls::file("server.pem"), "key_file": tls::file("server.key.pem")});
    front.config["receivers"]["otlp"]["protocols"]["grpc"]["tls"] = certificate;
    let front = front.start().await;
    let exporter = json!({"endpoint": format!("localhost:{}", front.ports.grpc), "compression": "none"});
    for (bundle, is_trusted) in [("ca.pem", true), ("other-ca.pem", false)] {
        let bundle = tls::file(bundle);
        let Some(image) = Image::tree(&[("CA_BUNDLE", bundle.to_str().unwrap()), ("COMPILE", "no")]) else {
            return;
        };
        let (ports, tmp) = (Ports::pick(), empty_dir());
        let config = container::config(ports, &json!({}), exporter.clone());
        let container = image.run(ports, &config, tmp.path(), &ARGUMENTS).await;
        let sent =
            GrpcSender::new(ports.grpc).send(Signal::Logs, requests::unique(Signal::Logs, "tls", 1)).await;
        assert_eq!(sent.is_ok(), is_trusted, "{sent:?}");
        assert_eq!(container.weir.health().await, Some(200), "whatever the upstream is");
    }
    assert_eq!(upstream.delivered().len(), 1);
}

/// What `weir` in the tree must be: for everybody to read and for nobody to write, apart from /tmp.
fn is_sound(root: &Path) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.path().symlink_metadata().unwrap();
            assert!(!metadata.is_symlink(), "{}", entry.path().display());
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            let path = entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned();
            found.insert(path, metadata.mode() & 0o7777);
        }
    }
    for (path, mode) in &found {
        let expected = match path.as_str() {
            "tmp" => 0o1777,
            path if root.join(path).is_dir() || path == "usr/local/bin/weir" => 0o755,
            _ => 0o644,
        };
        assert_eq!(*mode, expected, "{path}: {mode:o}");
    }
    found
}

#[test]
fn the_tree_holds_the_binary_the_plugins_their_code_the_authorities_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("tree");
    let script = repository().join("deploy/image/tree.sh");
    let run = || {
        let mut command = Command::new(&script);
        command.arg(&root).arg(build::weir_binary()).arg(build::target_dir().join("plugins"));
        command.env("CA_BUNDLE", tls::file("ca.pem")).output().unwrap()
    };
    let output = run();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let found = is_sound(&root);
    let files: Vec<&str> =
        found.keys().map(String::as_str).filter(|path| root.join(path).is_file()).collect();
    let (code, others): (Vec<&str>, Vec<&str>) = files.into_iter().partition(|path| path.ends_with(".cwasm"));
    assert_eq!(code.len(), 3, "{code:?}");
    assert!(code.iter().all(|path| path.starts_with("var/cache/weir/")), "{code:?}");
    let expected = [
        "etc/ssl/certs/ca-certificates.crt",
        "etc/weir/config.yaml",
        "usr/local/bin/weir",
        "usr/share/weir/plugins/enrich.wasm",
        "usr/share/weir/plugins/redact.wasm",
        "usr/share/weir/plugins/sample.wasm",
    ];
    assert_eq!(others, expected);
    let again = run();
    assert!(!again.status.success(), "what is there is not laid over");
}

#[test]
fn the_static_binary_needs_no_file_of_the_machine() {
    let Some(binary) = build::static_binary() else {
        eprintln!("skipped: there is no static binary, `make image` builds it");
        return;
    };
    let output = Command::new("ldd").arg(binary).output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(said.contains("statically linked") || said.contains("not a dynamic executable"), "{said}");
}

#[test]
fn the_image_is_the_tree_with_the_user_the_ports_and_the_command_of_the_manifests() {
    let recipe = read("deploy/image/Containerfile");
    let instructions: Vec<&str> =
        recipe.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty()).collect();
    let expected = [
        "FROM scratch",
        "COPY --chown=0:0 . /",
        "EXPOSE 4317 4318 13133 8888",
        "USER 10001:10001",
        r#"ENTRYPOINT ["/usr/local/bin/weir"]"#,
        r#"CMD ["--config", "/etc/weir/config.yaml", "--cache-dir", "/var/cache/weir"]"#,
    ];
    assert_eq!(instructions, expected);
    // The manifests find the shipped code where the image has it, and mount nothing over it.
    for file in ["sidecar", "sidecar-classic"] {
        let documents = yaml::documents(&read(&format!("deploy/kubernetes/{file}.yaml")));
        let pods = weir_tests::kubernetes::pods(&documents);
        let weir = pods[0].weir().unwrap();
        assert_eq!(weir.flag("--cache-dir"), ["/var/cache/weir"], "{file}");
        assert!(pods[0].mounted(&weir).keys().all(|path| !path.starts_with("/var")), "{file}");
    }
}

#[test]
fn buildah_makes_the_image_of_the_tree() {
    let is_there =
        Command::new("buildah").arg("--version").output().is_ok_and(|output| output.status.success());
    if !is_there {
        eprintln!("skipped: buildah is not installed here");
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let (tree, store) = (dir.path().join("tree"), dir.path().join("store"));
    let binary = build::static_binary().unwrap_or_else(build::weir_binary);
    let mut command = Command::new(repository().join("deploy/image/tree.sh"));
    let plugins = build::target_dir().join("plugins");
    let laid =
        command.arg(&tree).arg(binary).arg(plugins).env("CA_BUNDLE", tls::file("ca.pem")).status().unwrap();
    assert!(laid.success());
    let buildah = |arguments: &[&str]| {
        let mut command = Command::new("buildah");
        command
            .arg("--root")
            .arg(&store)
            .arg("--runroot")
            .arg(dir.path().join("run"))
            .args(["--storage-driver", "vfs"]);
        let output = command.args(arguments).current_dir(dir.path()).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let recipe = repository().join("deploy/image/Containerfile");
    buildah(&[
        "build",
        "--quiet",
        "--isolation",
        "chroot",
        "--file",
        recipe.to_str().unwrap(),
        "--tag",
        "weir:test",
        tree.to_str().unwrap(),
    ]);
    let image: Value = serde_json::from_str(&buildah(&["inspect", "--type", "image", "weir:test"])).unwrap();
    let config = &image["OCIv1"]["config"];
    assert_eq!(config["User"], "10001:10001");
    assert_eq!(config["Entrypoint"], json!(["/usr/local/bin/weir"]));
    assert_eq!(config["Cmd"], json!(["--config", "/etc/weir/config.yaml", "--cache-dir", "/var/cache/weir"]));
    let ports = ["13133/tcp", "4317/tcp", "4318/tcp", "8888/tcp"];
    assert_eq!(config["ExposedPorts"].as_object().unwrap().keys().collect::<Vec<_>>(), ports);
    // One layer over nothing, with the modes of the tree.
    assert_eq!(image["OCIv1"]["rootfs"]["diff_ids"].as_array().unwrap().len(), 1);
    let container = buildah(&["from", "--pull-never", "weir:test"]);
    let mounted = buildah(&["mount", container.trim()]);
    let inside = is_sound(Path::new(mounted.trim()));
    assert_eq!(inside, is_sound(&tree));
    buildah(&["umount", container.trim()]);
}
