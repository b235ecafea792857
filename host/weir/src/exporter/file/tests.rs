//! The exporter's own promises, on a real directory.

use std::path::Path;

use bytes::Bytes;
use weir_otlp::Signal;

use super::*;

const LINE: &str = "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{\"severityNumber\":9}]}]}]}\n";
/// One log record with severity 9.
const REQUEST: &[u8] = &[10, 6, 18, 4, 18, 2, 16, 9];

const JSON: Form = Form { format: FileFormat::Json, is_compressed: false };

fn settings(path: &Path) -> FileSettings {
    FileSettings {
        path: path.to_owned(),
        opening: Opening::Empty,
        form: JSON,
        directory_mode: None,
        files: OpenFiles::default(),
    }
}

fn batch() -> Batch {
    Batch::new(Signal::Logs, Bytes::from_static(REQUEST), 1)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[tokio::test]
async fn what_was_in_the_file_goes_with_the_first_request_unless_it_is_to_stay() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file.jsonl");
    for (opening, expected) in
        [(Opening::Empty, LINE.repeat(2)), (Opening::Append, format!("old\n{LINE}{LINE}"))]
    {
        std::fs::write(&path, "old\n").unwrap();
        let exporter = FileExporter::new(&FileSettings { opening, ..settings(&path) }).unwrap();
        assert_eq!(read(&path), "old\n", "nothing has been written yet");
        exporter.export(batch()).await.unwrap();
        exporter.export(batch()).await.unwrap();
        assert_eq!(read(&path), expected);
    }
}

#[tokio::test]
async fn an_exporter_that_takes_the_place_of_another_goes_on_with_its_file() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file.jsonl");
    let former_settings = settings(&path);
    let former = FileExporter::new(&former_settings).unwrap();
    former.export(batch()).await.unwrap();
    let next = FileExporter::new(&former_settings).unwrap();
    next.export(batch()).await.unwrap();
    former.export(batch()).await.unwrap();
    assert_eq!(read(&path), LINE.repeat(3));
    let other = Form { format: FileFormat::Proto, ..JSON };
    let refused = FileExporter::new(&FileSettings { form: other, ..former_settings }).err().unwrap();
    assert!(refused.contains("another format"), "{refused}");
}

#[tokio::test]
async fn protobuf_and_compressed_requests_are_framed_as_the_collector_does() {
    let home = tempfile::tempdir().unwrap();
    for (name, format, is_compressed) in
        [("a", FileFormat::Proto, false), ("b", FileFormat::Proto, true), ("c", FileFormat::Json, true)]
    {
        let path = home.path().join(name);
        let form = Form { format, is_compressed };
        let exporter = FileExporter::new(&FileSettings { form, ..settings(&path) }).unwrap();
        exporter.export(batch()).await.unwrap();
        exporter.export(batch()).await.unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let (head, rest) = bytes.split_at(4);
        let length = u32::from_be_bytes(head.try_into().unwrap()) as usize;
        assert_eq!(bytes.len(), 2 * (4 + length), "{name}");
        let content = match is_compressed {
            true => zstd::bulk::decompress(&rest[..length], 1000).unwrap(),
            false => rest[..length].to_vec(),
        };
        let expected = if format == FileFormat::Proto { REQUEST } else { LINE.trim_end().as_bytes() };
        assert_eq!(content, expected, "{name}");
    }
}

#[tokio::test]
async fn what_is_no_request_is_refused_for_good_and_leaves_no_trace() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("file.jsonl");
    let exporter = FileExporter::new(&settings(&path)).unwrap();
    let broken = Batch { payload: Bytes::from_static(&[10, 9]), ..batch() };
    let error = exporter.export(broken).await.unwrap_err();
    assert!(!error.retryable && error.code == code::INVALID_ARGUMENT, "{error:?}");
    exporter.export(batch()).await.unwrap();
    assert_eq!(read(&path), LINE);
}

#[tokio::test]
async fn a_directory_that_comes_back_is_written_to_and_until_then_senders_are_to_try_again() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("made/by/it/file.jsonl");
    let missing = FileExporter::new(&settings(&path)).err().unwrap();
    assert!(missing.contains("cannot write to") && missing.contains("file.jsonl"), "{missing}");
    let exporter =
        FileExporter::new(&FileSettings { directory_mode: Some(0o700), ..settings(&path) }).unwrap();
    std::fs::remove_dir_all(home.path().join("made")).unwrap();
    let error = exporter.export(batch()).await.unwrap_err();
    assert!(error.retryable, "{error:?}");
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    exporter.export(batch()).await.unwrap();
    assert_eq!(read(&path), LINE);
}

#[test]
fn a_check_makes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("made/file.jsonl");
    let settings =
        FileSettings { directory_mode: Some(0o700), files: OpenFiles::for_check(), ..settings(&path) };
    FileExporter::new(&settings).unwrap();
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0);
}
