//! The `health_check` extension: 200 once weir can take telemetry and until it stops, 503 otherwise.
//!
//! An upstream that is down changes nothing here: not being ready would take the whole pod out of its Service.

use std::convert::Infallible;
use std::future::ready;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::Service;

use super::plugins::{self, PLUGINS_PATH, PluginsStatus};
use super::{front, reply};
use crate::listen::Front;

const JSON: &str = "application/json";

const TEXT: &str = "text/plain; charset=utf-8";

/// Where the service is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Phase {
    /// Not every receiver listens yet.
    Starting = 0,
    /// Every receiver listens.
    Running = 1,
    /// No new telemetry is taken.
    Stopping = 2,
}

/// Whether weir is ready. The service sets the phase, the probes read it.
pub struct Health {
    phase: AtomicU8,
    plugins: Arc<dyn PluginsStatus>,
    up_since: OnceLock<(SystemTime, Instant)>,
}

// === impl Health ===

impl Health {
    /// Starting. The plugins are asked at each probe.
    pub fn new(plugins: Arc<dyn PluginsStatus>) -> Self {
        Health { phase: AtomicU8::new(Phase::Starting as u8), plugins, up_since: OnceLock::new() }
    }

    /// The service has come to this phase.
    pub fn set(&self, phase: Phase) {
        if phase == Phase::Running {
            self.up_since.get_or_init(|| (SystemTime::now(), Instant::now()));
        }
        self.phase.store(phase as u8, Ordering::Release);
    }

    /// Whether probes are told that weir is ready.
    pub fn is_ready(&self) -> bool {
        self.phase.load(Ordering::Acquire) == Phase::Running as u8 && self.plugins.is_ready()
    }

    fn answer(&self) -> Response<Full<Bytes>> {
        let detail = plugins::detail(&self.plugins.troubles());
        match (self.is_ready(), self.up_since.get()) {
            (true, Some((since, clock))) => {
                let (since, uptime) = (rfc3339(*since), go_duration(clock.elapsed()));
                let body = format!(
                    r#"{{"status":"Server available","upSince":"{since}","uptime":"{uptime}"{detail}}}"#
                );
                reply(StatusCode::OK, JSON, body)
            }
            _ => {
                // The Collector's zero time, so that parsers of its answer parse this one too.
                let body = format!(
                    r#"{{"status":"Server not available","upSince":"0001-01-01T00:00:00Z","uptime":""{detail}}}"#
                );
                reply(StatusCode::SERVICE_UNAVAILABLE, JSON, body)
            }
        }
    }
}

/// Answers probes on `path`, which has a leading slash, and shows the plugins beside it.
pub fn health_front(path: &str, health: Arc<Health>) -> Front {
    front(HealthService { health, path: Arc::from(path) })
}

#[derive(Clone)]
struct HealthService {
    health: Arc<Health>,
    path: Arc<str>,
}

impl Service<Request<Incoming>> for HealthService {
    type Response = Response<Full<Bytes>>;
    type Error = Infallible;
    type Future = std::future::Ready<Result<Self::Response, Infallible>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let path = request.uri().path();
        let response = if !matches!(*request.method(), Method::GET | Method::HEAD) {
            reply(StatusCode::METHOD_NOT_ALLOWED, TEXT, "405 method not allowed\n")
        } else if path == &*self.path {
            self.health.answer()
        } else if path == PLUGINS_PATH {
            reply(StatusCode::OK, JSON, self.health.plugins.page().to_string())
        } else {
            let hint = format!("404 page not found, try {} or {PLUGINS_PATH}\n", self.path);
            reply(StatusCode::NOT_FOUND, TEXT, hint)
        };
        ready(Ok(response))
    }
}

/// A time in UTC, to the second.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second % 3600 / 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Year, month and day of a day counted from 1970-01-01, by counting years from a first of March, so that the leap
/// day is the last of its year.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// As Go prints a duration: `1h2m3.5s`.
fn go_duration(duration: Duration) -> String {
    let (minutes, millis) = (duration.as_secs() / 60, duration.as_millis() % 60_000);
    let seconds = millis as f64 / 1000.0;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_utc_over_leap_years_and_centuries() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_794_441_600, "2026-11-12T00:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn durations_are_written_as_go_does() {
        for (millis, expected) in [(1500, "1.5s"), (61_000, "1m1s"), (3_723_004, "1h2m3.004s"), (0, "0s")] {
            assert_eq!(go_duration(Duration::from_millis(millis)), expected);
        }
    }
}
