//! What is wrong with the components that read and write files, in their own words, and what they are by default.

use std::time::Duration;

use super::mistakes_tests::each_says;
use super::testing::*;
use super::{ExporterConfig, FileExporterConfig, ReceiverConfig, RotationConfig};

fn exporter(keys: &str) -> String {
    with_exporter(&format!("{{file: {{{keys}}}}}"), "file")
}

fn receiver(keys: &str) -> String {
    let pipeline = "{pipelines: {traces: {receivers: [otlp_json_file], exporters: [nop]}}}";
    with(&format!("{{otlp_json_file: {{{keys}}}}}"), "", NOP, pipeline)
}

fn file(keys: &str) -> FileExporterConfig {
    match config(&exporter(keys)).exporters.into_values().next() {
        Some(ExporterConfig::File(file)) => *file,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_rotation_is_on_with_its_key_alone() {
    assert_eq!(file("path: a").rotation, None);
    assert_eq!(file("path: a, rotation: ").rotation, Some(RotationConfig::default()));
    let given = file("path: a, rotation: {max_megabytes: 7, localtime: true}").rotation.unwrap();
    assert_eq!((given.max_megabytes, given.max_backups, given.localtime), (7, 100, true));
}

#[test]
fn a_directory_is_made_for_its_owner_unless_it_is_said_for_whom() {
    assert_eq!(file("path: a").directory_mode(), None);
    assert_eq!(file("path: a, create_directory: true").directory_mode(), Some(0o700));
    let given = file("path: a, create_directory: true, directory_permissions: '0750'");
    assert_eq!(given.directory_mode(), Some(0o750));
}

#[test]
fn an_empty_compression_is_none() {
    assert_eq!(file("path: a, compression: ''").compression, super::FileCompression::None);
}

#[test]
fn each_mistake_in_a_file_exporter_has_its_own_words() {
    let two = "{file: {path: a}, file/2: {path: a}}";
    let profiles = |format: &str| {
        let pipeline = "{pipelines: {profiles: {receivers: [otlp], exporters: [file]}}}";
        with(OTLP, "", &format!("{{file: {{path: a, format: {format}}}}}"), pipeline)
    };
    config(&profiles("proto"));
    each_says(&[
        (exporter(""), "exporters::file: the key \"path\" is required"),
        (exporter("path: ''"), "exporters::file::path: must not be empty"),
        (
            exporter("path: a, append: true, rotation: "),
            "exporters::file::append: has no use with rotation, which always goes on with the file that is there; leave it out",
        ),
        (
            exporter("path: a, append: true, compression: zstd"),
            "exporters::file::append: is not possible with compression; rotation is",
        ),
        (
            exporter("path: a, group_by: {}"),
            "exporters::file::group_by: not supported yet by weir; leave it out",
        ),
        (
            exporter("path: a, format: text"),
            "exporters::file::format: unknown value \"text\" (valid: json, proto)",
        ),
        (
            exporter("path: a, compression: gzip"),
            "exporters::file::compression: unknown value \"gzip\" (valid: none, zstd)",
        ),
        (
            exporter("path: a, directory_permissions: '0750'"),
            "exporters::file::directory_permissions: has no use without create_directory: true",
        ),
        (
            exporter("path: a, create_directory: true, directory_permissions: '0999'"),
            "exporters::file::directory_permissions: expected octal digits in quotes, such as \"0750\"",
        ),
        (
            exporter("path: a, flush_interval: 0s"),
            "exporters::file::flush_interval: expected a duration above zero, found \"0s\"",
        ),
        (
            with_exporter(two, "file, file/2"),
            "exporters::file/2::path: the file is that of exporters::file already",
        ),
        (
            profiles("json"),
            "exporters::file::format: the pipeline profiles sends profiles here, which weir cannot write as json; use proto",
        ),
    ]);
}

#[test]
fn a_file_receiver_has_the_collectors_keys_under_both_of_its_names() {
    let keys = "include: [/var/*.jsonl], start_at: beginning, max_log_size: 1MiB, poll_interval: 5s";
    let old = receiver(keys).replace("otlp_json_file", "otlpjsonfile");
    for yaml in [receiver(keys), old] {
        match config(&yaml).receivers.into_values().next() {
            Some(ReceiverConfig::OtlpJsonFile(file)) => {
                assert_eq!((file.max_log_size, file.poll_interval), (1 << 20, Some(Duration::from_secs(5))));
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn each_mistake_in_a_file_receiver_has_its_own_words() {
    let circle = |include: &str| {
        let pipeline = "{pipelines: {traces: {receivers: [otlp_json_file], exporters: [file]}}}";
        with(&format!("{{otlp_json_file: {include}}}"), "", "{file: {path: /var/a.jsonl}}", pipeline)
    };
    config(&circle("{include: [/var/*.jsonl], exclude: [/var/a*]}"));
    let profiles = "{pipelines: {profiles: {receivers: [otlp_json_file], exporters: [nop]}}}";
    let glob = "receivers::otlp_json_file::include::0: expected a path, with *, ?, [...] and ** for what may be anything \
                (alternatives in braces are not supported)";
    each_says(&[
        (receiver(""), "receivers::otlp_json_file::include: name at least one file or pattern"),
        (receiver("include: ['a{b,c}']"), glob),
        (receiver("include: ['[']"), glob),
        (
            receiver("include: [a], start_at: middle"),
            "receivers::otlp_json_file::start_at: unknown value \"middle\" (valid: beginning, end)",
        ),
        (
            receiver("include: [a], max_log_size: 1GiB"),
            "receivers::otlp_json_file::max_log_size: expected a number of bytes from 1 to 268435456, or with a unit, such as 64MiB, found \"1GiB\"",
        ),
        (
            receiver("include: [a], multiline: {}"),
            "receivers::otlp_json_file::multiline: not supported yet by weir; leave it out",
        ),
        (
            receiver("include: [a], storage: file_storage"),
            "receivers::otlp_json_file::storage: references extension \"file_storage\" which is not a configured file_storage",
        ),
        (
            receiver("include: [a], storage: file_storage, replay_file: true"),
            "receivers::otlp_json_file::storage: has no use with replay_file, which begins anew each time; leave one of them out",
        ),
        (
            with("{otlp_json_file: {include: [a]}}", "", NOP, profiles),
            "receivers::otlp_json_file: the pipeline profiles takes profiles, which are not read from files",
        ),
        (
            circle("{include: [/var/*.jsonl]}"),
            "receivers::otlp_json_file::include: the pipeline traces would read what its exporter file writes, without end; exclude its file",
        ),
    ]);
}
