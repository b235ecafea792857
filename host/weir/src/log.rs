//! weir's own log: structured, to stderr, never with telemetry or secrets in it.

use std::panic::PanicHookInfo;

use tracing::level_filters::LevelFilter;
use tracing::subscriber::{SetGlobalDefaultError, set_global_default};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::Registry;
use tracing_subscriber::{Layer, reload};

use crate::config::{LogEncoding, LogLevel, LogsConfig};

/// The log at work, for changing its level.
pub struct Control {
    filter: reload::Handle<Targets, Registry>,
    encoding: LogEncoding,
}

/// Starts logging for the whole process. Fails if that was done before.
pub fn init(config: LogsConfig) -> Result<Control, SetGlobalDefaultError> {
    let (layer, control) = layer(config, std::io::stderr);
    set_global_default(Registry::default().with(layer))?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(control)
}

impl Control {
    /// Takes over what can change while weir runs, and says so of what cannot.
    pub fn set(&self, config: LogsConfig) {
        if let Err(error) = self.filter.reload(filter(config.level)) {
            tracing::warn!(%error, "the level of the log could not be changed");
        }
        if config.encoding != self.encoding {
            tracing::warn!("service::telemetry::logs::encoding changes only with a restart");
        }
    }
}

/// Where a panic happened, and not its message, which may quote telemetry.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map_or_else(|| "unknown".to_owned(), ToString::to_string);
    tracing::error!(place, "a panic in weir, which was caught if possible: please report it");
}

/// Lines of the configured look, from the configured level on.
fn layer<W>(config: LogsConfig, writer: W) -> (Box<dyn Layer<Registry> + Send + Sync>, Control)
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = fmt::layer().with_ansi(false).with_target(false).with_writer(writer);
    let (filter, handle) = reload::Layer::new(filter(config.level));
    let layer = match config.encoding {
        LogEncoding::Console => lines.with_filter(filter).boxed(),
        LogEncoding::Json => {
            let lines = lines.json().flatten_event(true).with_current_span(false).with_span_list(false);
            lines.with_filter(filter).boxed()
        }
    };
    (layer, Control { filter: handle, encoding: config.encoding })
}

/// weir's crates log at the asked level. Libraries are heard from warnings on: at lower levels an HTTP
/// library may print what it transports, which here is telemetry and secret headers.
fn filter(level: LogLevel) -> Targets {
    let level = match level {
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    };
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target("weir", level)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Memory(Arc<Mutex<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn logged(level: LogLevel, encoding: LogEncoding, events: impl FnOnce(&Control)) -> String {
        let memory = Memory::default();
        let writer = memory.clone();
        let (layer, control) = layer(LogsConfig { level, encoding }, move || writer.clone());
        tracing::subscriber::with_default(Registry::default().with(layer), || events(&control));
        let bytes = memory.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_console_line_is_time_level_message_and_fields() {
        let text = logged(LogLevel::Info, LogEncoding::Console, |_| {
            tracing::info!(endpoint = "localhost:4317", count = 3, "receiver listens");
        });
        let (time, rest) = text.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.contains('T'), "{time}");
        assert_eq!(rest.trim_start(), "INFO receiver listens endpoint=\"localhost:4317\" count=3\n");
    }

    #[test]
    fn a_json_line_is_one_object_with_the_fields_at_its_top() {
        let text = logged(LogLevel::Info, LogEncoding::Json, |_| {
            tracing::warn!(plugin = "redact", "a \"quoted\"\nmessage");
            tracing::info!("second");
        });
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0]["level"], "WARN");
        assert_eq!(lines[0]["message"], "a \"quoted\"\nmessage");
        assert_eq!(lines[0]["plugin"], "redact");
        assert!(lines[0]["timestamp"].is_string());
    }

    #[test]
    fn the_level_decides_what_is_written() {
        for (level, expected) in [
            (LogLevel::Debug, "DIWE"),
            (LogLevel::Info, "IWE"),
            (LogLevel::Warn, "WE"),
            (LogLevel::Error, "E"),
        ] {
            let text = logged(level, LogEncoding::Console, |_| {
                tracing::debug!("D");
                tracing::info!("I");
                tracing::warn!("W");
                tracing::error!("E");
            });
            let written: String = text.lines().filter_map(|line| line.chars().last()).collect();
            assert_eq!(written, expected, "{level:?}");
        }
    }

    #[test]
    fn the_level_changes_at_any_time_and_the_encoding_does_not() {
        let text = logged(LogLevel::Warn, LogEncoding::Console, |control| {
            tracing::info!("before");
            control.set(LogsConfig { level: LogLevel::Info, encoding: LogEncoding::Console });
            tracing::info!("between");
            control.set(LogsConfig { level: LogLevel::Error, encoding: LogEncoding::Json });
            tracing::warn!("after");
            control.set(LogsConfig { level: LogLevel::Warn, encoding: LogEncoding::Json });
        });
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("between"), "{text}");
        assert!(lines[1].ends_with("encoding changes only with a restart"), "{text}");
        assert_eq!(lines.len(), 2, "{text}");
    }

    #[test]
    fn libraries_are_silent_below_warnings_even_at_debug() {
        let text = logged(LogLevel::Debug, LogEncoding::Console, |_| {
            tracing::info!(target: "hyper::proto", "headers");
            tracing::debug!(target: "h2", "frame");
            tracing::debug!(target: "weir_plugin::set", "ours");
            tracing::warn!(target: "notify", "theirs");
        });
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("ours") && text.contains("theirs"), "{text}");
    }
}
