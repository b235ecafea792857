//! Cross-origin requests: telemetry that a browser sends from a page of another origin. Off unless origins are allowed.
//!
//! Rules: the Fetch standard's CORS protocol; keys and defaults: the Collector's `cors`.

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE,
    ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method};

/// Headers that a page may always set.
const ALWAYS_ALLOWED: [&str; 4] = ["accept", "content-type", "content-encoding", "x-requested-with"];

/// Which pages may send telemetry.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CorsSettings {
    /// Origins such as `https://shop.example`; one `*` in each stands for anything. Empty: no page may.
    pub allowed_origins: Vec<String>,
    /// Headers that a page may set besides the usual ones; `*` for any.
    pub allowed_headers: Vec<String>,
    /// Headers of the answer that a page may read besides the usual ones.
    pub exposed_headers: Vec<String>,
    /// How long a browser may remember what is allowed, in seconds; 0 leaves it to the browser.
    pub max_age: u64,
}

impl CorsSettings {
    /// Whether a request is a browser's question about what it may send.
    pub(super) fn is_preflight(&self, method: &Method, headers: &HeaderMap) -> bool {
        self.is_on() && *method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
    }

    /// Answers that question. What is not allowed is left out, and so the browser does not send it.
    pub(super) fn answer_preflight(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        let vary = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
        answer.insert(VARY, HeaderValue::from_static(vary));
        let Some(origin) = self.allowed_origin(asked) else { return };
        let method = asked.get(ACCESS_CONTROL_REQUEST_METHOD).map(HeaderValue::as_bytes);
        let headers = asked.get(ACCESS_CONTROL_REQUEST_HEADERS);
        if method != Some(b"POST") || !headers.is_none_or(|names| self.allows_headers(names)) {
            return;
        }
        allow(origin, answer);
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
        if let Some(names) = headers {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        if self.max_age > 0 {
            answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(self.max_age));
        }
    }

    /// Lets the page read the answer to a request, if it may.
    pub(super) fn mark(&self, asked: &HeaderMap, answer: &mut HeaderMap) {
        if !self.is_on() {
            return;
        }
        answer.insert(VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = self.allowed_origin(asked) else { return };
        allow(origin, answer);
        if let Ok(names) = HeaderValue::from_str(&self.exposed_headers.join(", "))
            && !names.is_empty()
        {
            answer.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
        }
    }

    fn is_on(&self) -> bool {
        !self.allowed_origins.is_empty()
    }

    fn allowed_origin<'a>(&self, asked: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let origin = asked.get(ORIGIN)?;
        let text = origin.to_str().ok()?;
        self.allowed_origins.iter().any(|pattern| matches(pattern, text)).then_some(origin)
    }

    fn allows_headers(&self, names: &HeaderValue) -> bool {
        let Ok(names) = names.to_str() else { return false };
        let is_allowed = |name: &str| {
            let named = |known: &str| known == "*" || known.eq_ignore_ascii_case(name);
            ALWAYS_ALLOWED.into_iter().any(named) || self.allowed_headers.iter().any(|known| named(known))
        };
        names.split(',').map(str::trim).filter(|name| !name.is_empty()).all(is_allowed)
    }
}

fn allow(origin: &HeaderValue, answer: &mut HeaderMap) {
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
}

/// Whether an origin is what the pattern says, capitals aside. Its first `*` stands for anything.
fn matches(pattern: &str, origin: &str) -> bool {
    let (pattern, origin) = (pattern.to_ascii_lowercase(), origin.to_ascii_lowercase());
    match pattern.split_once('*') {
        None => pattern == origin,
        Some((before, after)) => {
            origin.len() >= before.len() + after.len()
                && origin.starts_with(before)
                && origin.ends_with(after)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn settings() -> CorsSettings {
        CorsSettings {
            allowed_origins: vec!["https://shop.example".to_owned(), "https://*.cdn.example".to_owned()],
            allowed_headers: vec!["X-Tenant".to_owned()],
            exposed_headers: vec!["Retry-After".to_owned()],
            max_age: 600,
        }
    }

    fn asked(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    fn preflight(
        settings: &CorsSettings,
        origin: &'static str,
        method: &'static str,
        headers: &'static str,
    ) -> HeaderMap {
        let asked = asked(&[
            ("origin", origin),
            ("access-control-request-method", method),
            ("access-control-request-headers", headers),
        ]);
        assert!(settings.is_preflight(&Method::OPTIONS, &asked));
        let mut answer = HeaderMap::new();
        settings.answer_preflight(&asked, &mut answer);
        answer
    }

    #[test]
    fn an_origin_matches_whole_or_by_the_pattern_s_two_ends() {
        for (pattern, origin, expected) in [
            ("https://shop.example", "https://shop.example", true),
            ("https://shop.example", "HTTPS://SHOP.example", true),
            ("https://shop.example", "https://shop.example.evil", false),
            ("https://*.shop.example", "https://a.shop.example", true),
            ("https://*.shop.example", "https://shop.example", false),
            ("https://*.shop.example", "https://a.shop.example.evil", false),
            ("*", "null", true),
            ("ab*ba", "aba", false),
        ] {
            assert_eq!(matches(pattern, origin), expected, "{pattern} {origin}");
        }
    }

    #[test]
    fn a_preflight_is_told_what_it_may_send() {
        let answer = preflight(&settings(), "https://a.cdn.example", "POST", "content-type, X-TENANT");
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "https://a.cdn.example");
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_METHODS], "POST");
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_HEADERS], "content-type, X-TENANT");
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_CREDENTIALS], "true");
        assert_eq!(answer[ACCESS_CONTROL_MAX_AGE], "600");
    }

    #[test]
    fn what_is_not_allowed_is_not_allowed_by_any_header() {
        for (origin, method, headers) in [
            ("https://evil.example", "POST", "content-type"),
            ("https://shop.example", "PUT", "content-type"),
            ("https://shop.example", "POST", "content-type, authorization"),
        ] {
            let answer = preflight(&settings(), origin, method, headers);
            assert_eq!(answer.keys().collect::<Vec<_>>(), [VARY], "{origin} {method} {headers}");
        }
        let any = CorsSettings { allowed_headers: vec!["*".to_owned()], ..settings() };
        let answer = preflight(&any, "https://shop.example", "POST", "authorization");
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_HEADERS], "authorization");
    }

    #[test]
    fn an_answer_may_be_read_by_allowed_pages_alone() {
        let mut answer = HeaderMap::new();
        settings().mark(&asked(&[("origin", "https://shop.example")]), &mut answer);
        assert_eq!(answer[ACCESS_CONTROL_ALLOW_ORIGIN], "https://shop.example");
        assert_eq!(answer[ACCESS_CONTROL_EXPOSE_HEADERS], "Retry-After");
        for asked in [asked(&[("origin", "https://evil.example")]), asked(&[])] {
            let mut answer = HeaderMap::new();
            settings().mark(&asked, &mut answer);
            assert_eq!(answer.keys().collect::<Vec<_>>(), [VARY]);
        }
    }

    #[test]
    fn without_allowed_origins_nothing_is_said() {
        let off = CorsSettings::default();
        let asked = asked(&[("origin", "https://shop.example"), ("access-control-request-method", "POST")]);
        assert!(!off.is_preflight(&Method::OPTIONS, &asked));
        let mut answer = HeaderMap::new();
        off.mark(&asked, &mut answer);
        assert!(answer.is_empty());
    }
}
