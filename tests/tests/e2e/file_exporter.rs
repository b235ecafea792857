//! The `file` exporter: what is acknowledged is in the file, whole, whatever happens to weir, to the disk or to the file.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tonic::Code;
use weir_tests::lines::{append, recorded};
use weir_tests::{GrpcSender, Ids, Launch, Signal, Weir, ids, namespace, requests, wait};

/// A weir that writes to this file.
fn recorder(path: &Path, settings: Value) -> Launch {
    let mut file = json!({"path": path});
    for (key, value) in settings.as_object().into_iter().flatten() {
        file[key] = value.clone();
    }
    Launch::new().exporter("file", file)
}

async fn send(weir: &Weir, tag: &str) {
    let body = requests::unique(Signal::Logs, tag, 2);
    GrpcSender::new(weir.ports.grpc).send(Signal::Logs, body).await.unwrap();
}

/// Sends until it is refused; the ids of what was acknowledged, and the refusal.
async fn send_until_refused(port: u16, tag: String, items: usize) -> (Vec<String>, tonic::Status) {
    let sender = GrpcSender::new(port);
    let mut acknowledged = Vec::new();
    for number in 0..100_000 {
        let body = requests::unique(Signal::Logs, &format!("{tag}-{number}-"), items);
        match sender.send(Signal::Logs, body.clone()).await {
            Ok(_) => acknowledged.extend(ids::of(Signal::Logs, &body)),
            Err(status) => return (acknowledged, status),
        }
    }
    panic!("nothing was ever refused");
}

#[tokio::test]
async fn a_request_is_in_the_file_before_its_sender_is_answered_and_only_the_owner_may_read_it() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("made/recorded.jsonl");
    let weir = recorder(&path, json!({"create_directory": true})).start().await;
    let sender = GrpcSender::new(weir.ports.grpc);
    for (number, signal) in Signal::READ.into_iter().enumerate() {
        sender.send(signal, requests::unique(signal, signal.name(), 3)).await.unwrap();
        let recorded = recorded([path.as_path()]);
        assert_eq!((recorded.requests, recorded.torn), (number + 1, 0));
        assert_eq!(recorded.ids.len(), 3 * (number + 1));
    }
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
}

#[tokio::test]
async fn a_reload_goes_on_with_the_file_and_a_start_empties_it_unless_it_is_to_append() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("recorded.jsonl");
    let launch = recorder(&path, json!({}));
    let mut config = launch.config.clone();
    let mut weir = launch.start().await;
    send(&weir, "before").await;
    // The exporter is another one, of the same file.
    config["exporters"]["file"]["flush_interval"] = json!("2s");
    weir.reconfigure(&config);
    weir.reloads("success", 1).await;
    send(&weir, "after").await;
    assert_eq!(recorded([path.as_path()]).requests, 2);
    // Another format does not go into the same file, and nothing changes.
    config["exporters"]["file"]["format"] = json!("proto");
    weir.reconfigure(&config);
    weir.reloads("failure", 1).await;
    send(&weir, "still").await;
    assert_eq!(recorded([path.as_path()]).requests, 3);
    weir.settle().await;
    weir.stop().await;

    let weir = recorder(&path, json!({"append": true})).start().await;
    send(&weir, "appended").await;
    assert_eq!(recorded([path.as_path()]).requests, 4);
    drop(weir);
    let weir = recorder(&path, json!({})).start().await;
    send(&weir, "emptied").await;
    assert_eq!(recorded([path.as_path()]).requests, 1);
}

#[tokio::test]
async fn with_rotation_nothing_is_lost_under_load_and_only_so_many_files_are_kept() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("recorded.jsonl");
    let weir = recorder(&path, json!({"rotation": {"max_megabytes": 1}})).start().await;
    let mut senders = Vec::new();
    for sender in 0..4 {
        let port = weir.ports.grpc;
        senders.push(tokio::spawn(async move {
            let (client, mut sent) = (GrpcSender::new(port), Vec::new());
            for number in 0..20 {
                let body = requests::unique(Signal::Logs, &format!("{sender}-{number}-"), 200);
                client.send(Signal::Logs, body.clone()).await.unwrap();
                sent.extend(ids::of(Signal::Logs, &body));
            }
            sent
        }));
    }
    let mut sent = Vec::new();
    for sender in senders {
        sent.extend(sender.await.unwrap());
    }
    let files: Vec<PathBuf> =
        std::fs::read_dir(home.path()).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() > 2, "{files:?}");
    assert!(files.iter().all(|file| std::fs::metadata(file).unwrap().len() <= 1 << 20));
    let recorded = recorded(files.iter().map(PathBuf::as_path));
    assert_eq!((recorded.requests, recorded.torn), (80, 0));
    assert_eq!(recorded.ids, sent.into_iter().collect::<Ids>());
}

#[tokio::test]
async fn protobuf_and_zstd_are_framed_as_the_collector_does_and_hold_what_was_sent() {
    let home = tempfile::tempdir().unwrap();
    for (name, format, compression) in [("a", "proto", "none"), ("b", "proto", "zstd"), ("c", "json", "zstd")]
    {
        let path = home.path().join(name);
        let weir = recorder(&path, json!({"format": format, "compression": compression})).start().await;
        let body = requests::unique(Signal::Traces, name, 5);
        for _ in 0..2 {
            GrpcSender::new(weir.ports.grpc).send(Signal::Traces, body.clone()).await.unwrap();
        }
        let bytes = std::fs::read(&path).unwrap();
        let mut rest = bytes.as_slice();
        for _ in 0..2 {
            let (length, tail) = rest.split_first_chunk::<4>().unwrap();
            let (frame, tail) = tail.split_at(u32::from_be_bytes(*length) as usize);
            rest = tail;
            let content = match compression {
                "zstd" => zstd::bulk::decompress(frame, 1 << 20).unwrap(),
                _ => frame.to_vec(),
            };
            match format {
                "proto" => assert_eq!(content, body, "{name}"),
                _ => {
                    let json: Value = serde_json::from_slice(&content).unwrap();
                    assert_eq!(
                        json["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().unwrap().len(),
                        5
                    );
                }
            }
        }
        assert!(rest.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_kill_and_what_was_torn_costs_nothing_else() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("recorded.jsonl");
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let mut weir = recorder(&path, json!({"append": true})).start().await;
        let port = weir.ports.grpc;
        let senders: Vec<_> = (0..3)
            .map(|sender| tokio::spawn(send_until_refused(port, format!("{round}-{sender}"), 20)))
            .collect();
        wait::until("something is written", async || {
            (std::fs::metadata(&path).unwrap().len() > (round + 1) * 50_000).then_some(())
        })
        .await;
        weir.signal("KILL");
        weir.wait().await;
        for sender in senders {
            acknowledged.extend(sender.await.unwrap().0);
        }
        // As if the kill had come in the middle of a write.
        append(&path, b"{\"resourceLogs\":[{\"scopeLogs\":[{\"logRec");
    }
    let weir = recorder(&path, json!({"append": true})).start().await;
    send(&weir, "last").await;
    let recorded = recorded([path.as_path()]);
    assert!(recorded.torn >= 3, "{}", recorded.torn);
    let acknowledged: Ids = acknowledged.into_iter().collect();
    assert_eq!(acknowledged.missing_in(&recorded.ids), Vec::<&str>::new());
}

#[tokio::test]
async fn a_full_disk_is_told_to_senders_and_leaves_no_torn_line() {
    let directory = tempfile::tempdir().unwrap();
    let Some(within) = namespace::with_small_disk(directory.path()) else { return };
    let path = directory.path().join("recorded.jsonl");
    let weir = Launch { within, ..recorder(&path, json!({})) }.start().await;
    let (acknowledged, refused) = send_until_refused(weir.ports.grpc, "full".to_owned(), 20).await;
    assert_eq!(refused.code(), Code::Unavailable);
    assert!(refused.message().contains("No space left") && !refused.details().is_empty(), "{refused:?}");
    // The disk is that of weir's own namespace.
    let inside = PathBuf::from(format!("/proc/{}/root{}", weir.pid(), path.display()));
    let recorded = recorded([inside.as_path()]);
    assert_eq!((recorded.torn, &recorded.ids), (0, &acknowledged.into_iter().collect::<Ids>()));
    // Somebody makes room.
    std::fs::write(&inside, "").unwrap();
    send(&weir, "again").await;
    assert_eq!(weir_tests::lines::recorded([inside.as_path()]).requests, 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_told_at_the_start() {
    let home = tempfile::tempdir().unwrap();
    let missing = home.path().join("missing/recorded.jsonl");
    let mut weir = recorder(&missing, json!({})).spawn().await;
    assert_eq!(weir.wait().await.code(), Some(64));
    weir.stderr_says("exporters::file: exporter file: cannot write to").await;
    let Some(within) = namespace::with_tiny_disk(home.path(), "ro") else { return };
    let mut weir =
        Launch { within, ..recorder(&home.path().join("recorded.jsonl"), json!({})) }.spawn().await;
    assert_eq!(weir.wait().await.code(), Some(64));
    weir.stderr_says("Read-only file system").await;
}

#[tokio::test]
async fn a_file_that_is_moved_or_removed_under_weir_is_made_again() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("recorded.jsonl");
    let weir = recorder(&path, json!({"append": true})).start().await;
    send(&weir, "one").await;
    let moved = home.path().join("moved.jsonl");
    std::fs::rename(&path, &moved).unwrap();
    send(&weir, "two").await;
    std::fs::remove_file(&path).unwrap();
    send(&weir, "three").await;
    let recorded = recorded([moved.as_path(), path.as_path()]);
    assert_eq!(recorded.ids.iter().collect::<Vec<_>>(), ["one-0", "one-1", "three-0", "three-1"]);
}
