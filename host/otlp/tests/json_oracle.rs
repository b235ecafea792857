//! The codec against protobuf's own JSON mapping, in Python: each reads what the other one writes. It is skipped where
//! `tests/python/setup.sh` has made no environment.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod common;

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use common::checks::valid_request;
use common::dice::Dice;
use common::json::{canonical, encoded};
use weir_otlp::{Signal, json};

const REQUESTS: u64 = 400;

/// The same requests in every run.
fn requests() -> Vec<(Signal, Vec<u8>)> {
    let mut state = 1_u64;
    let mut data = || {
        (0..3000)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect::<Vec<u8>>()
    };
    (0..REQUESTS).map(|_| valid_request(&mut Dice::new(&data()))).collect()
}

#[test]
fn protobuf_in_python_reads_what_weir_writes_and_the_other_way_round() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = here.join("../../tests/.cache/venv/bin/python");
    if !python.exists() {
        eprintln!("skipped: no Python environment here, tests/python/setup.sh says why");
        return;
    }
    let requests = requests();
    let mut lines = String::new();
    for (signal, request) in &requests {
        // Without padded lengths and tags, of which protobuf in Python takes fewer than in Rust.
        let digits: String = canonical(*signal, request).iter().map(|byte| format!("{byte:02x}")).collect();
        lines += &format!("{}\t{digits}\t{}\n", signal.name(), encoded(*signal, request));
    }
    let mut oracle = Command::new(python)
        .arg(here.join("tests/json_oracle.py"))
        .env("PYTHONUTF8", "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = oracle.stdin.take().unwrap();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = oracle.wait_with_output().unwrap();
    assert!(output.status.success(), "the oracle failed, see above");
    writer.join().unwrap().unwrap();
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().count(), requests.len());
    for ((signal, request), answer) in requests.iter().zip(answers.lines()) {
        let Some(("ok", text)) = answer.split_once('\t') else {
            panic!("{answer}: {}", encoded(*signal, request))
        };
        let back = json::decode(*signal, text.as_bytes()).unwrap();
        assert_eq!(json::difference(*signal, request, &back), None, "{text}");
        assert_eq!(canonical(*signal, request), canonical(*signal, &back), "{text}");
    }
}
