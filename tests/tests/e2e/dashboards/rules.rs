//! The alert rules: Prometheus' own tool has no complaint and runs their unit tests, and on a live weir those fire for which there is a reason.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use weir_tests::backend::promtool;
use weir_tests::build::source_file;
use weir_tests::wait;

use super::scene;

/// What the scene gives a reason for.
const FIRE: [&str; 12] = [
    "WeirDataRefused",
    "WeirDeadLetters",
    "WeirPluginBreakerOpen",
    "WeirPluginFailing",
    "WeirPluginLosesData",
    "WeirPluginReloadRefused",
    "WeirQueueNearFull",
    "WeirQueueOverflows",
    "WeirRejectedByUpstream",
    "WeirReloadRefused",
    "WeirSendFailed",
    "WeirUpstreamFlaky",
];

/// What the scene gives no reason for, whatever it does.
const REST: [&str; 5] =
    ["WeirDataFailed", "WeirPanicked", "WeirDeadLettersLost", "WeirStorageFailing", "WeirRestarts"];

/// One alert, as it stands in the file.
pub(super) struct Alert {
    pub name: String,
    pub text: String,
}

fn folder() -> PathBuf {
    source_file("../deploy/alerts")
}

fn file() -> PathBuf {
    folder().join("weir.rules.yaml")
}

pub(super) fn alerts() -> Vec<Alert> {
    let text = std::fs::read_to_string(file()).unwrap();
    let alert = |text: &str| {
        let (name, rest) = text.split_once('\n').unwrap();
        // What follows the last alert of a group is the head of the next.
        let text = rest.split("\n  - name:").next().unwrap().to_owned();
        Alert { name: name.trim().to_owned(), text }
    };
    let alerts: Vec<_> = text.split("- alert: ").skip(1).map(alert).collect();
    assert!(alerts.len() > 15);
    alerts
}

fn run(arguments: &[&str], files: impl IntoIterator<Item = PathBuf>) {
    let Some(promtool) = promtool() else { return };
    let output = Command::new(promtool).args(arguments).args(files).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

fn unit_tests() -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder().join("tests")).unwrap();
    files.map(|file| file.unwrap().path()).collect()
}

#[test]
fn promtool_has_no_complaint() {
    run(&["check", "rules", "--lint-fatal"], [file()]);
}

#[test]
fn each_alert_does_what_its_unit_tests_say() {
    run(&["test", "rules"], unit_tests());
}

#[test]
fn each_alert_says_what_is_wrong_and_what_to_do_and_has_a_unit_test() {
    let tests: String = unit_tests().iter().map(|file| std::fs::read_to_string(file).unwrap()).collect();
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    for Alert { name, text } in alerts() {
        assert!(readme.contains(&name), "{name} is not in the README");
        for key in ["severity: ", "summary: ", "description: ", "runbook: "] {
            assert!(text.contains(key), "{name} has no {key}");
        }
        assert!(tests.contains(&format!("alertname=\"{name}\"")), "{name} is in no unit test");
    }
}

/// The rules with every `for` so short that a test need not wait.
fn impatient(dir: &Path) -> PathBuf {
    let text = std::fs::read_to_string(file()).unwrap();
    let short = |line: &str| match line.trim_start().starts_with("for: ") {
        true => "        for: 1ms\n".to_owned(),
        false => format!("{line}\n"),
    };
    let copy = dir.join("weir.rules.yaml");
    std::fs::write(&copy, text.lines().map(short).collect::<String>()).unwrap();
    copy
}

#[tokio::test]
async fn on_a_live_weir_those_alerts_fire_for_which_there_is_a_reason() {
    let dir = tempfile::tempdir().unwrap();
    let scene = scene::Scene::start().await;
    let Some(prometheus) = scene.watched(vec![impatient(dir.path())]).await else { return };
    scene.play().await;
    let end = Instant::now() + wait::PATIENCE;
    loop {
        let firing = prometheus.firing().await;
        let fires = |name: &&&str| firing.iter().any(|one| one == **name);
        assert_eq!(REST.iter().filter(fires).collect::<Vec<_>>(), Vec::<&&str>::new(), "without a reason");
        let missing: Vec<_> = FIRE.iter().filter(|name| !fires(name)).collect();
        if missing.is_empty() {
            return;
        }
        assert!(Instant::now() < end, "these do not fire: {missing:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
