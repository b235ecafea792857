//! Whatever happens to a plugin's file or directory, nothing that is not whole ever runs, the former plugin stays until
//! a whole one is there, and then that one takes effect.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::Path;

use weir_tests::guest::Guest;
use weir_tests::{GrpcSender, Launch, Sidecar, Signal, Upstream, requests};

/// Each is compiled once, and two that follow each other differ.
const TAGS: [&str; 5] = ["v0", "v1", "v2", "v3", "v4"];
/// A slow copy comes in so many pieces.
const PIECES: usize = 20;
/// The size of a big plugin.
const BIG_BYTES: usize = 2 << 20;
/// A component's first bytes; by themselves they are a component, an empty one.
const PREAMBLE_BYTES: usize = 8;

fn tag(value: &'static str) -> Guest {
    Guest::Tag("test.tag", value)
}

/// The same component with a custom section that makes it as large as this.
fn padded(wasm: &[u8], bytes: usize) -> Vec<u8> {
    let (preamble, sections) = wasm.split_at(PREAMBLE_BYTES);
    let mut content = b"\x03pad".to_vec();
    content.resize(bytes - wasm.len(), 0);
    let mut section = vec![0];
    let mut left = content.len();
    while left >= 0x80 {
        section.push(left as u8 | 0x80);
        left >>= 7;
    }
    section.push(left as u8);
    [preamble, &section, &content, sections].concat()
}

/// How often weir has looked for compiled code, which it does for each state of a file that it has not seen.
async fn tried(sidecar: &Sidecar) -> f64 {
    let metrics = sidecar.weir.metrics().await;
    ["hit", "miss"]
        .iter()
        .map(|result| metrics.sum("weir_plugin_code_cache_total", &[("result", result)]))
        .sum()
}

/// Puts something at a path.
type Put = Box<dyn Fn(&Path)>;

#[tokio::test]
async fn a_big_plugin_that_is_written_slowly_never_runs_by_halves() {
    let plugins = tempfile::tempdir().unwrap();
    let path = tag("former").install(plugins.path(), "tag");
    let sidecar = Sidecar::start(plugins.path()).await;
    let whole = padded(&tag("whole").wasm(), BIG_BYTES);
    let (head, rest) = whole.split_at(PREAMBLE_BYTES);
    let pieces: Vec<&[u8]> = std::iter::once(head).chain(rest.chunks(rest.len() / (PIECES - 2))).collect();
    let (last, halves) = pieces.split_last().unwrap();
    assert!(pieces.len() >= PIECES);
    // As `cp` does it: in place, from the beginning.
    let mut file = File::create(&path).unwrap();
    for piece in halves {
        let before = tried(&sidecar).await;
        file.write_all(piece).unwrap();
        sidecar.comes_to("weir tries what is there", async || tried(&sidecar).await > before).await;
        assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some("former"));
    }
    assert_eq!(sidecar.reloads("tag", "success").await, 0.0);
    file.write_all(last).unwrap();
    sidecar.turns_to("test.tag", Some("whole")).await;
    let complaints = sidecar.weir.stderr().matches("plugin cannot be loaded").count();
    assert!((1..=PIECES + 1).contains(&complaints), "{complaints} lines for {PIECES} states");
    assert_eq!(sidecar.reloads("tag", "success").await, 1.0);
}

#[tokio::test]
async fn a_plugin_that_is_deleted_and_written_again_takes_effect_each_time() {
    let plugins = tempfile::tempdir().unwrap();
    let path = tag(TAGS[0]).install(plugins.path(), "tag");
    let sidecar = Sidecar::start(plugins.path()).await;
    for value in TAGS.iter().cycle().skip(1).take(10) {
        fs::remove_file(&path).unwrap();
        fs::write(&path, tag(value).wasm()).unwrap();
        sidecar.turns_to("test.tag", Some(value)).await;
    }
}

/// Puts something at the path of a plugin in one step.
fn replace(path: &Path, make: impl Fn(&Path)) {
    let next = path.with_extension("next");
    make(&next);
    fs::rename(&next, path).unwrap();
}

fn fifo(path: &Path) {
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[tokio::test]
async fn whatever_stands_where_the_plugin_was_leaves_the_former_one_in_place_until_a_whole_one_comes() {
    let (plugins, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let good = tag("linked").install(elsewhere.path(), "good");
    let path = tag(TAGS[0]).install(plugins.path(), "tag");
    let sidecar = Sidecar::start(plugins.path()).await;
    let link = |to: &Path| {
        let to = to.to_owned();
        move |at: &Path| symlink(&to, at).unwrap()
    };
    let puts: [(&str, Put); 6] = [
        ("an empty file", Box::new(|at| fs::write(at, "").unwrap())),
        ("text", Box::new(|at| fs::write(at, "not found").unwrap())),
        ("a link that leads nowhere", Box::new(link(Path::new("/nowhere/tag.wasm")))),
        ("a directory", Box::new(link(elsewhere.path()))),
        ("a pipe that nobody writes to", Box::new(fifo)),
        ("an empty component", Box::new(|at| fs::write(at, &tag("v0").wasm()[..PREAMBLE_BYTES]).unwrap())),
    ];
    for (round, (what, put)) in puts.into_iter().enumerate() {
        let (former, next) = (TAGS[round % TAGS.len()], TAGS[(round + 1) % TAGS.len()]);
        let before = sidecar.reloads("tag", "failure").await;
        replace(&path, put);
        sidecar.refuses("tag", before).await;
        assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some(former), "{what} in its place");
        tag(next).install(plugins.path(), "tag");
        sidecar.turns_to("test.tag", Some(next)).await;
    }
    assert_eq!(sidecar.weir.health().await, Some(200));
    replace(&path, link(&good));
    sidecar.turns_to("test.tag", Some("linked")).await;
}

#[tokio::test]
async fn settings_that_cannot_be_read_leave_the_former_ones_in_place() {
    let plugins = tempfile::tempdir().unwrap();
    tag("former").install(plugins.path(), "tag");
    let sidecar = Sidecar::start(plugins.path()).await;
    let yaml = plugins.path().join("tag.yaml");
    symlink("/nowhere/tag.yaml", &yaml).unwrap();
    sidecar.refuses("tag", 0.0).await;
    sidecar.weir.stderr_says("tag.yaml").await;
    // Not even with a new plugin: nobody knows how it is meant to run.
    tag("new").install(plugins.path(), "tag");
    replace(&yaml, |at| fs::create_dir(at.with_extension("d")).and_then(|()| symlink("tag.d", at)).unwrap());
    sidecar.refuses("tag", 1.0).await;
    assert_eq!(sidecar.attribute("test.tag").await.as_deref(), Some("former"));
    replace(&yaml, |at| fs::write(at, "timeout: 2s\n").unwrap());
    sidecar.turns_to("test.tag", Some("new")).await;
}

#[tokio::test]
async fn a_link_that_leads_nowhere_at_the_start_holds_everything_until_it_leads_somewhere() {
    let plugins = tempfile::tempdir().unwrap();
    let path = plugins.path().join("tag.wasm");
    symlink("late", &path).unwrap();
    let upstream = Upstream::start().await;
    let launch = Launch::new().to_grpc(&upstream.address());
    let weir = launch.processor("wasm", serde_json::json!({"directory": plugins.path()})).spawn().await;
    weir.stderr_says("tag.wasm").await;
    assert_eq!(weir.health().await, Some(503));
    let sender = GrpcSender::new(weir.ports.grpc);
    let sent = sender.send(Signal::Logs, requests::unique(Signal::Logs, "early", 1)).await;
    assert!(sent.is_err() && upstream.received().is_empty(), "nothing passes without it");
    fs::write(plugins.path().join("late"), tag("late").wasm()).unwrap();
    weir.ready().await;
}

#[tokio::test]
async fn a_directory_that_is_deleted_and_made_again_is_followed_each_time() {
    let parent = tempfile::tempdir().unwrap();
    let plugins = parent.path().join("plugins");
    fs::create_dir(&plugins).unwrap();
    tag(TAGS[0]).install(&plugins, "tag");
    let sidecar = Sidecar::start(&plugins).await;
    for pair in TAGS.windows(2).cycle().take(8) {
        fs::remove_dir_all(&plugins).unwrap();
        fs::create_dir(&plugins).unwrap();
        tag(pair[0]).install(&plugins, "tag");
        sidecar.turns_to("test.tag", Some(pair[0])).await;
        tag(pair[1]).install(&plugins, "tag");
        sidecar.turns_to("test.tag", Some(pair[1])).await;
    }
}

#[tokio::test]
async fn while_the_directory_is_away_what_ran_goes_on() {
    let parent = tempfile::tempdir().unwrap();
    let (plugins, away) = (parent.path().join("plugins"), parent.path().join("away"));
    fs::create_dir(&plugins).unwrap();
    tag("former").install(&plugins, "tag");
    let sidecar = Sidecar::start(&plugins).await;
    for value in ["v0", "v1"] {
        let before = sidecar.weir.stderr().matches("cannot read").count();
        fs::rename(&plugins, &away).unwrap();
        sidecar
            .comes_to("weir says so", async || sidecar.weir.stderr().matches("cannot read").count() > before)
            .await;
        assert!(sidecar.attribute("test.tag").await.is_some(), "it is still tagged");
        fs::rename(&away, &plugins).unwrap();
        tag(value).install(&plugins, "tag");
        sidecar.turns_to("test.tag", Some(value)).await;
    }
}

#[tokio::test]
async fn a_link_to_the_directory_is_followed_each_time_it_is_turned() {
    let home = tempfile::tempdir().unwrap();
    let current = home.path().join("current");
    for value in TAGS {
        let release = home.path().join(value).join("plugins");
        fs::create_dir_all(&release).unwrap();
        tag(value).install(&release, "tag");
    }
    symlink(TAGS[0], &current).unwrap();
    let sidecar = Sidecar::start(&current.join("plugins")).await;
    for value in TAGS.iter().cycle().skip(1).take(10) {
        replace(&current, |at| symlink(value, at).unwrap());
        sidecar.turns_to("test.tag", Some(value)).await;
    }
}
