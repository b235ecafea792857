//! A fake Loki: takes pushes as strictly as the real one and a little more so, remembers them, and answers as a script says.

mod labels;
mod push;

use http::HeaderMap;

use crate::push::{PushServer, Received, Rules};
use crate::wait;

pub use push::{PushedEntry, PushedStream};

/// The path of the push API.
pub const PUSH_PATH: &str = "/loki/api/v1/push";

/// One push that kept the rules.
#[derive(Clone, Debug)]
pub struct Pushed {
    /// The headers.
    pub headers: HeaderMap,
    /// What is in it.
    pub streams: Vec<PushedStream>,
    /// What was answered.
    pub status: u16,
}

struct LokiRules;

impl Rules for LokiRules {
    const PATH: &'static str = PUSH_PATH;
    type Push = Vec<PushedStream>;

    fn read(headers: &HeaderMap, body: &[u8]) -> Result<Self::Push, String> {
        push::read(headers, body)
    }

    fn take(&mut self, _: &Self::Push) -> Result<(), String> {
        Ok(())
    }
}

/// See the module. It stops listening when it is dropped.
pub struct FakeLoki(PushServer<LokiRules>);

impl FakeLoki {
    /// One on a free port.
    pub async fn start() -> FakeLoki {
        FakeLoki(PushServer::start(LokiRules).await)
    }

    /// The URL of its push API.
    pub fn endpoint(&self) -> String {
        self.0.endpoint()
    }

    /// Answers the next pushes like this, one each, and all later ones by 204.
    pub fn script<'a>(&self, answers: impl IntoIterator<Item = (u16, &'a str)>) {
        self.0.script(answers);
    }

    /// Every push that kept the rules, in order, whatever was answered.
    pub fn pushed(&self) -> Vec<Pushed> {
        let pushed =
            |Received { headers, push, status }: Received<_>| Pushed { headers, streams: push, status };
        self.0.received().into_iter().map(pushed).collect()
    }

    /// What was wrong with those that did not.
    pub fn faults(&self) -> Vec<String> {
        self.0.faults()
    }

    /// The streams of the pushes that it took. Panics if it was ever asked wrong.
    pub fn taken(&self) -> Vec<PushedStream> {
        self.0.taken().flatten().collect()
    }

    /// Waits until there were so many pushes.
    pub async fn pushes(&self, count: usize) -> Vec<Pushed> {
        wait::until(&format!("{count} pushes"), async || {
            Some(self.pushed()).filter(|pushed| pushed.len() >= count)
        })
        .await
    }
}
