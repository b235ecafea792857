//! A fake of what takes Prometheus' remote write: it is as strict as Prometheus, and in what the protocol asks for a little more so. It
//! remembers what was written, and answers as a script says.

mod request;

use std::collections::BTreeMap;

use http::HeaderMap;

use crate::push::{PushServer, Received, Rules};

pub use request::{WrittenSample, WrittenSeries};

/// The path of Prometheus' own receiver.
pub const WRITE_PATH: &str = "/api/v1/write";

/// One request that kept the rules.
#[derive(Clone, Debug)]
pub struct Written {
    /// The headers.
    pub headers: HeaderMap,
    /// What is in it.
    pub series: Vec<WrittenSeries>,
    /// How large it was before it was compressed.
    pub bytes: usize,
    /// What was answered.
    pub status: u16,
}

#[derive(Default)]
struct WriteRules {
    /// The newest sample of each series that was taken.
    newest: BTreeMap<String, WrittenSample>,
}

impl Rules for WriteRules {
    const PATH: &'static str = WRITE_PATH;
    type Push = (Vec<WrittenSeries>, usize);

    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self::Push, String> {
        request::read(headers, body)
    }

    /// Takes samples that are not older than what is there; the same again is no news.
    fn take(&mut self, (series, _): &Self::Push) -> Result<(), String> {
        for WrittenSeries { labels, samples, .. } in series {
            let key = format!("{labels:?}");
            for sample in samples {
                if let Some(newest) = self.newest.get(&key) {
                    let is_same = newest.time_ms == sample.time_ms
                        && newest.value.map(f64::to_bits) == sample.value.map(f64::to_bits);
                    if sample.time_ms <= newest.time_ms && !is_same {
                        return Err(format!("out of order sample: {key} {sample:?} after {newest:?}"));
                    }
                }
                self.newest.insert(key.clone(), *sample);
            }
        }
        Ok(())
    }
}

/// See the module. It stops listening when it is dropped.
pub struct FakeRemoteWrite(PushServer<WriteRules>);

impl FakeRemoteWrite {
    /// One on a free port.
    pub async fn start() -> FakeRemoteWrite {
        FakeRemoteWrite(PushServer::start(WriteRules::default()).await)
    }

    /// The URL that is written to.
    pub fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    /// Answers the next requests like this, one each, and all later ones by 204.
    pub fn script<'a>(&self, answers: impl IntoIterator<Item = (u16, &'a str)>) {
        self.0.script(answers);
    }

    /// Every request that kept the rules, in order, whatever was answered.
    pub fn written(&self) -> Vec<Written> {
        let written = |Received { headers, push: (series, bytes), status }: Received<_>| Written {
            headers,
            series,
            bytes,
            status,
        };
        self.0.received().into_iter().map(written).collect()
    }

    /// What was wrong with those that did not.
    pub fn faults(&self) -> Vec<String> {
        self.0.faults()
    }

    /// The series of the requests that it took. Panics if it was ever asked wrong.
    pub fn taken(&self) -> Vec<WrittenSeries> {
        self.0.taken().flat_map(|(series, _)| series).collect()
    }
}
