//! Plugins from a ConfigMap or any other volume that the kubelet writes: every file is a link through `..data`,
//! and an update swaps that one link.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use weir_tests::guest::Guest;
use weir_tests::{GrpcSender, Launch, Signal, Upstream, requests, wait};

/// The recipe of the kubelet's AtomicWriter.
pub(super) struct Volume {
    dir: tempfile::TempDir,
    current: Option<PathBuf>,
}

impl Volume {
    pub(super) fn new() -> Volume {
        Volume { dir: tempfile::tempdir().unwrap(), current: None }
    }

    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(super) fn publish(&mut self, version: &str, files: &[(&str, &[u8])]) {
        let stamped = self.path().join(format!("..2026_11_21_{version}"));
        std::fs::create_dir(&stamped).unwrap();
        for (name, bytes) in files {
            std::fs::write(stamped.join(name), bytes).unwrap();
        }
        let next = self.path().join("..data_tmp");
        symlink(stamped.file_name().unwrap(), &next).unwrap();
        std::fs::rename(&next, self.path().join("..data")).unwrap();
        for (name, _) in files {
            if self.path().join(name).symlink_metadata().is_err() {
                symlink(Path::new("..data").join(name), self.path().join(name)).unwrap();
            }
        }
        if let Some(former) = self.current.replace(stamped) {
            std::fs::remove_dir_all(former).unwrap();
        }
    }
}

const VERSIONS: [&str; 5] = ["v0", "v1", "v2", "v3", "v4"];

async fn every_swap_takes_effect(settings: impl Fn(&Path) -> Value) {
    let upstream = Upstream::start().await;
    let mut volume = Volume::new();
    volume.publish("v0", &[("tag.wasm", &Guest::Tag("test.tag", "v0").wasm())]);
    let launch = Launch::new().to_grpc(&upstream.address()).processor("wasm", settings(volume.path()));
    let weir = launch.start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    for version in VERSIONS {
        if version != "v0" {
            volume.publish(version, &[("tag.wasm", &Guest::Tag("test.tag", version).wasm())]);
        }
        wait::within(Duration::from_secs(5), &format!("{version} is in effect"), async || {
            sender.send(Signal::Logs, requests::unique(Signal::Logs, "probe", 1)).await.ok()?;
            let resource = requests::log_resource(&upstream.delivered().pop()?.body);
            (requests::text_of(&resource, "test.tag") == Some(version)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn every_swap_of_the_data_link_takes_effect_for_a_directory() {
    every_swap_takes_effect(|volume| json!({"directory": volume})).await;
}

#[tokio::test]
async fn every_swap_of_the_data_link_takes_effect_for_a_single_plugin() {
    every_swap_takes_effect(|volume| json!({"plugin": volume.join("tag.wasm")})).await;
}
