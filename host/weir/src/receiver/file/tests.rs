//! Readers of real files, with pipelines that take what they are told to.

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use weir_otlp::Signal;
use weir_pipeline::{
    Batch, BoxFuture, Consumer, ExportError, ExportQueue, Exported, Exporter, Keeping, Pipeline,
    QueueSettings, RetrySettings, Unobserved,
};

use super::*;
use crate::receiver::{Admission, AdmissionSettings};
use crate::telemetry::Telemetry;

/// Remembers the severity of each log record that it took: that is its number.
#[derive(Default)]
struct Upstream {
    taken: Mutex<Vec<u8>>,
    /// So many attempts fail first.
    failures: AtomicU64,
    rejects: bool,
}

impl Exporter for Upstream {
    fn export(&self, batch: Batch) -> BoxFuture<'_, Result<Exported, ExportError>> {
        let less = |left: u64| left.checked_sub(1);
        let fails = self.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).is_ok();
        let outcome = match (fails, self.rejects) {
            (true, _) => Err(ExportError::retryable(14, "down")),
            (false, true) => Err(ExportError::permanent(3, "no")),
            (false, false) => {
                let number = batch.payload.last().copied().unwrap_or_default();
                self.taken.lock().unwrap().push(number);
                Ok(Exported::default())
            }
        };
        Box::pin(std::future::ready(outcome))
    }
}

struct Home {
    dir: tempfile::TempDir,
    upstream: Arc<Upstream>,
    telemetry: Telemetry,
    admission: Arc<Admission>,
}

fn line(number: u8) -> String {
    format!(
        "{{\"resourceLogs\":[{{\"scopeLogs\":[{{\"logRecords\":[{{\"severityNumber\":{number}}}]}}]}}]}}\n"
    )
}

fn lines(numbers: std::ops::Range<u8>) -> String {
    numbers.map(line).collect()
}

impl Home {
    fn with(upstream: Upstream) -> Home {
        Home {
            dir: tempfile::tempdir().unwrap(),
            upstream: Arc::new(upstream),
            telemetry: Telemetry::new().unwrap(),
            admission: Admission::new(AdmissionSettings::default()),
        }
    }

    fn path(&self) -> std::path::PathBuf {
        self.dir.path().join("data.jsonl")
    }

    fn add(&self, text: &str) {
        use std::io::Write;
        let file = std::fs::File::options().append(true).create(true).open(self.path());
        file.unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn settings(&self) -> FileReceiverSettings {
        FileReceiverSettings {
            id: "otlp_json_file".to_owned(),
            include: vec![self.dir.path().join("data.jsonl").display().to_string()],
            exclude: Vec::new(),
            from_beginning: true,
            poll_interval: None,
            replay: false,
            line_bytes_max: 1000,
            files_max: 10,
            storage: None,
        }
    }

    fn start(&self, settings: FileReceiverSettings, former: Option<FileReceiver>) -> FileReceiver {
        let retry = RetrySettings { enabled: false, ..RetrySettings::default() };
        let queue = ExportQueue::new(
            "up",
            Arc::clone(&self.upstream) as Arc<dyn Exporter>,
            QueueSettings { retry, ..QueueSettings::default() },
            Arc::new(Unobserved),
            Keeping::default(),
        );
        let pipeline = Pipeline {
            name: "logs".to_owned(),
            signal: Signal::Logs,
            processors: Vec::new(),
            exporters: vec![queue],
            batching: None,
        };
        let consumer = Arc::new(Consumer::new(vec![Arc::new(pipeline)]));
        let admission = Arc::clone(&self.admission);
        let intake = Intake::new(&settings.id, FILE_TRANSPORT, consumer, admission, &self.telemetry);
        FileReceiver::start(settings, intake, former, Instant::now() + Duration::from_secs(10))
    }

    /// What was taken, in order, once there are so many.
    async fn taken(&self, count: usize) -> Vec<u8> {
        for _ in 0..2000 {
            let mut taken = self.upstream.taken.lock().unwrap().clone();
            if taken.len() >= count {
                taken.sort_unstable();
                return taken;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{count} lines were not taken: {:?}", self.upstream.taken.lock().unwrap());
    }

    fn metric(&self, name: &str) -> u64 {
        let text = String::from_utf8(self.telemetry.render().unwrap()).unwrap();
        let line =
            text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}\n{text}"));
        line.rsplit(' ').next().unwrap().parse().unwrap()
    }

    /// Waits until a counter has this value: what it counts has happened.
    async fn counted(&self, name: &str, value: u64) {
        for _ in 0..2000 {
            if self.metric(name) == value {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{name} is {} and not {value}", self.metric(name));
    }
}

const REFUSED: &str =
    "otelcol_receiver_requests_total{outcome=\"refused\",receiver=\"otlp_json_file\",transport=\"file\"}";
const ACCEPTED: &str =
    "otelcol_receiver_accepted_log_records_total{receiver=\"otlp_json_file\",transport=\"file\"}";

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn numbers(numbers: std::ops::Range<u8>) -> Vec<u8> {
    numbers.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_come_in_once_and_what_is_no_request_is_passed_over_and_counted() {
    let home = Home::with(Upstream::default());
    let long = format!("{{\"x\":\"{}\"}}\n", "y".repeat(1000));
    home.add(&format!("\u{feff}{}\r\n\nnonsense\n{long}{{}}\n", line(1).trim_end()));
    home.add(&lines(2..5));
    let receiver = home.start(home.settings(), None);
    assert_eq!(home.taken(4).await, numbers(1..5));
    home.add(&lines(5..8));
    assert_eq!(home.taken(7).await, numbers(1..8));
    assert!(receiver.stop(soon()).await);
    assert_eq!((home.metric(REFUSED), home.metric(ACCEPTED)), (3, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_is_handed_on_until_it_is_taken_and_one_that_is_refused_for_good_is_passed_over() {
    let home = Home::with(Upstream { failures: 3.into(), ..Upstream::default() });
    home.add(&lines(1..3));
    let receiver = home.start(home.settings(), None);
    assert_eq!(home.taken(2).await, [1, 2]);
    assert!(receiver.stop(soon()).await);

    let home = Home::with(Upstream { rejects: true, ..Upstream::default() });
    home.add(&lines(1..4));
    let receiver = home.start(home.settings(), None);
    home.counted(REFUSED, 3).await;
    assert!(receiver.stop(soon()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn from_the_end_only_what_is_added_counts_and_files_that_come_later_are_read_whole() {
    let home = Home::with(Upstream::default());
    home.add(&lines(1..3));
    let include = vec![home.dir.path().join("*.jsonl").display().to_string()];
    let settings = FileReceiverSettings { from_beginning: false, include, ..home.settings() };
    let _receiver = home.start(settings, None);
    // It is at work once it has seen a file that came after it.
    tokio::time::sleep(Duration::from_millis(50)).await;
    let probe = |number: u8| {
        std::fs::write(home.dir.path().join(format!("{number}.jsonl")), line(number)).unwrap();
    };
    let mut number = 10;
    while home.upstream.taken.lock().unwrap().is_empty() && number < 100 {
        probe(number);
        number += 1;
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    home.add(&line(3));
    for _ in 0..2000 {
        if home.upstream.taken.lock().unwrap().contains(&3) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let taken = home.upstream.taken.lock().unwrap().clone();
    assert!(taken.contains(&3) && !taken.contains(&1) && !taken.contains(&2), "{taken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_moved_away_is_read_to_its_end_and_the_one_in_its_place_from_its_beginning() {
    let home = Home::with(Upstream::default());
    home.add(&lines(1..3));
    let _receiver = home.start(home.settings(), None);
    assert_eq!(home.taken(2).await, [1, 2]);
    home.add(&lines(3..5));
    std::fs::rename(home.path(), home.dir.path().join("moved")).unwrap();
    home.add(&lines(5..7));
    assert_eq!(home.taken(6).await, numbers(1..7));
    // Written anew in place, which is as long as what was there.
    std::fs::write(home.path(), lines(7..9)).unwrap();
    assert_eq!(home.taken(8).await, numbers(1..9));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_takes_the_place_of_another_goes_on_where_that_was() {
    let home = Home::with(Upstream::default());
    home.add(&lines(1..60));
    let mut receiver = home.start(home.settings(), None);
    for round in 0..5 {
        let settings = FileReceiverSettings { files_max: 10 + round, ..home.settings() };
        receiver = home.start(settings, Some(receiver));
        tokio::task::yield_now().await;
    }
    home.add(&lines(60..70));
    assert_eq!(home.taken(69).await, numbers(1..70));
    assert!(receiver.stop(soon()).await);
    assert_eq!(home.upstream.taken.lock().unwrap().len(), 69, "none twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_storage_a_start_goes_on_where_the_last_one_ended() {
    let home = Home::with(Upstream::default());
    let storage = Some(home.dir.path().join("kept/receiver.json"));
    prepare_storage(storage.as_deref().unwrap()).unwrap();
    let settings =
        || FileReceiverSettings { storage: storage.clone(), from_beginning: false, ..home.settings() };
    home.add(&line(1));
    let first = home.start(settings(), None);
    // What was there at the first start is not read; the stop keeps how far that was.
    home.counted(ACCEPTED, 0).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(first.stop(soon()).await);
    home.add(&lines(2..5));
    let second = home.start(settings(), None);
    assert_eq!(home.taken(3).await, [2, 3, 4]);
    assert!(second.stop(soon()).await);
    std::fs::write(storage.as_deref().unwrap(), "damaged").unwrap();
    home.add(&line(5));
    let third = home.start(FileReceiverSettings { from_beginning: true, ..settings() }, None);
    assert_eq!(home.taken(8).await, [1, 2, 2, 3, 3, 4, 4, 5]);
    assert!(third.stop(soon()).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_begins_again_and_again() {
    let home = Home::with(Upstream::default());
    home.add(&line(1));
    let poll_interval = Some(Duration::from_millis(10));
    let settings =
        FileReceiverSettings { replay: true, from_beginning: false, poll_interval, ..home.settings() };
    let _receiver = home.start(settings, None);
    assert_eq!(home.taken(3).await[..3], [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_never_fits_into_the_budget_is_passed_over_and_one_that_will_fit_waits() {
    let home = Home::with(Upstream::default());
    let bound = |bytes_max: u64| AdmissionSettings { bytes_max, ..AdmissionSettings::default() };
    home.admission.change(bound(2048));
    let held = home.admission.budget().charge();
    held.set(2048);
    let big = format!("{{\"resourceLogs\":[],\"x\":\"{}\"}}\n", "y".repeat(2000));
    home.add(&format!("{big}{}", line(1)));
    let _receiver = home.start(FileReceiverSettings { line_bytes_max: 1 << 20, ..home.settings() }, None);
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(home.upstream.taken.lock().unwrap().is_empty());
    drop(held);
    assert_eq!(home.taken(1).await, [1]);
    assert_eq!(home.metric(REFUSED), 1);
}

#[test]
fn a_storage_that_cannot_be_made_is_told() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    std::fs::write(&file, "").unwrap();
    let told = prepare_storage(&file.join("receiver.json")).unwrap_err();
    assert!(told.contains("cannot make"), "{told}");
    prepare_storage(Path::new("receiver.json")).unwrap();
}
