//! Keeps weir's own credentials out of what its senders are told: an upstream's words are passed on, and some upstreams quote
//! the header that they did not like.

use weir_pipeline::{ExportError, Exported};

use super::{Headers, ProxySettings};

/// Shorter values are words like any other: hiding them would make messages unreadable, and they protect nothing.
const SECRET_BYTES_MIN: usize = 6;

const HIDDEN: &str = "[REDACTED]";

/// What must not be told, the longest first.
#[derive(Default)]
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The values of headers, whole and word by word, since a scheme such as `Bearer` may be left out; and those of a proxy.
    pub(super) fn of(headers: &Headers, proxy: &ProxySettings) -> Self {
        let urls = match proxy {
            ProxySettings::None => [None, None],
            ProxySettings::Url(url) => [Some(url), None],
            ProxySettings::Environment(urls) => {
                [&urls.http, &urls.https].map(|url| url.as_ref().ok().and_then(Option::as_ref))
            }
        };
        let credentials = urls.into_iter().flatten().filter_map(|url| url.credentials.as_deref());
        let values = headers.0.iter().map(|(_, value)| value.as_str()).chain(credentials);
        let words = values.flat_map(|value| value.split([' ', ':']).chain([value]));
        let mut secrets: Vec<String> =
            words.filter(|word| word.len() >= SECRET_BYTES_MIN).map(str::to_owned).collect();
        secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        secrets.dedup();
        Secrets(secrets)
    }

    /// What an attempt came to, without them.
    pub(super) fn hidden_in(&self, outcome: Result<Exported, ExportError>) -> Result<Exported, ExportError> {
        match outcome {
            Ok(Exported { rejected, message }) => {
                Ok(Exported { rejected, message: message.map(|said| self.hide(said)) })
            }
            Err(ExportError { upstream_said, retryable, retry_after, code, message }) => {
                let upstream_said = upstream_said.map(|said| self.hide(said));
                Err(ExportError { upstream_said, retryable, retry_after, code, message })
            }
        }
    }

    fn hide(&self, mut said: String) -> String {
        for secret in &self.0 {
            if said.contains(secret.as_str()) {
                said = said.replace(secret.as_str(), HIDDEN);
            }
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_that_quotes_a_header_is_passed_on_without_it() {
        let header = |value: &str| ("name".to_owned(), value.to_owned());
        let headers = Headers(vec![header("Bearer hush-hush"), header("Basic YWRhOnBhc3M="), header("eu")]);
        let secrets = Secrets::of(&headers, &ProxySettings::None);
        for (said, told) in [
            ("no such token: Bearer hush-hush", "no such token: [REDACTED]"),
            ("hush-hush is not known in eu", "[REDACTED] is not known in eu"),
            ("YWRhOnBhc3M=: wrong, YWRhOnBhc3M=!", "[REDACTED]: wrong, [REDACTED]!"),
            ("the quota is used up", "the quota is used up"),
        ] {
            let upstream_said = Some(said.to_owned());
            let error = ExportError { upstream_said, ..ExportError::permanent(16, "denied") };
            assert_eq!(secrets.hidden_in(Err(error)).unwrap_err().upstream_said.as_deref(), Some(told));
            let partial = Exported { rejected: 1, message: Some(said.to_owned()) };
            assert_eq!(secrets.hidden_in(Ok(partial)).unwrap().message.as_deref(), Some(told));
        }
    }
}
