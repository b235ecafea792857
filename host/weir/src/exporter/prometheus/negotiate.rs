//! Which format a reader gets: the one that it likes best of those that there are.

use super::escape::Escaping;

/// What a reader says about what it takes is looked at up to here.
const ACCEPT_BYTES_MAX: usize = 4 << 10;

/// The formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// Text, version 0.0.4.
    Text,
    /// OpenMetrics, version 1.0.0.
    OpenMetrics,
    /// Delimited protobuf.
    Protobuf,
}

/// What a reader gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    pub(super) format: Format,
    pub(super) escaping: Escaping,
    /// The version of OpenMetrics that was asked for.
    version: &'static str,
}

impl Accepted {
    /// By the header `Accept`. What no format fits gets text, as the specification has it.
    pub(super) fn of(accept: &str, with_openmetrics: bool) -> Self {
        let accept = &accept[..accept.floor_char_boundary(ACCEPT_BYTES_MAX)];
        let mut ranges: Vec<Range<'_>> = accept.split(',').map(Range::parse).collect();
        ranges.sort_by(|one, other| other.quality.total_cmp(&one.quality));
        let mut escaping = Escaping::default();
        for range in ranges.iter().filter(|range| range.quality > 0.0) {
            // As in Prometheus' own libraries, the scheme holds for the format that is found, wherever it was asked for first.
            if let Some(wanted) = range.parameter("escaping").and_then(Escaping::parse) {
                escaping = wanted;
            }
            if let Some((format, version)) = range.format(with_openmetrics) {
                return Accepted { format, escaping, version };
            }
        }
        Accepted { format: Format::Text, escaping, version: "0.0.4" }
    }

    /// The media type of the answer.
    pub(super) fn content_type(&self) -> String {
        let escaping = self.escaping.name();
        match self.format {
            Format::Text => format!("text/plain; version=0.0.4; charset=utf-8; escaping={escaping}"),
            Format::OpenMetrics => {
                let version = self.version;
                format!("application/openmetrics-text; version={version}; charset=utf-8; escaping={escaping}")
            }
            Format::Protobuf => format!(
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited; \
                 escaping={escaping}"
            ),
        }
    }
}

/// One range of media types.
struct Range<'a> {
    media: &'a str,
    parameters: &'a str,
    quality: f32,
}

impl<'a> Range<'a> {
    fn parse(text: &'a str) -> Self {
        let (media, parameters) = text.split_once(';').unwrap_or((text, ""));
        let mut range = Range { media: media.trim(), parameters, quality: 1.0 };
        if let Some(quality) = range.parameter("q") {
            range.quality = quality.parse().ok().filter(|q| (0.0..=1.0).contains(q)).unwrap_or(0.0);
        }
        range
    }

    fn parameter(&self, name: &str) -> Option<&'a str> {
        self.parameters.split(';').find_map(|parameter| {
            let (own, value) = parameter.split_once('=')?;
            own.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
        })
    }

    fn format(&self, with_openmetrics: bool) -> Option<(Format, &'static str)> {
        let is = |media: &str| self.media.eq_ignore_ascii_case(media);
        let version = self.parameter("version").unwrap_or_default();
        if is("application/vnd.google.protobuf") {
            let is_ours = self.parameter("proto") == Some("io.prometheus.client.MetricFamily");
            let is_delimited = self.parameter("encoding") == Some("delimited");
            return (is_ours && is_delimited).then_some((Format::Protobuf, ""));
        }
        if is("application/openmetrics-text") && with_openmetrics {
            return match version {
                "" | "1.0.0" => Some((Format::OpenMetrics, "1.0.0")),
                "0.0.1" => Some((Format::OpenMetrics, "0.0.1")),
                _ => None,
            };
        }
        let is_text = is("text/plain") || is("text/*") || is("*/*");
        (is_text && matches!(version, "" | "0.0.4")).then_some((Format::Text, "0.0.4"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROTO: &str =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited";

    fn of(accept: &str) -> (Format, Escaping) {
        let accepted = Accepted::of(accept, true);
        (accepted.format, accepted.escaping)
    }

    #[test]
    fn the_best_of_what_is_accepted_is_given_and_text_otherwise() {
        let underscores = Escaping::Underscores;
        for (accept, format, escaping) in [
            ("", Format::Text, underscores),
            ("*/*", Format::Text, underscores),
            ("text/html, image/png", Format::Text, underscores),
            ("application/openmetrics-text", Format::OpenMetrics, underscores),
            ("application/openmetrics-text;version=2.0.0,text/plain;q=0.1", Format::Text, underscores),
            (
                "text/plain;q=0.5, application/openmetrics-text; version=\"1.0.0\"",
                Format::OpenMetrics,
                underscores,
            ),
            ("text/plain;version=0.0.4;q=0.3,application/openmetrics-text;q=0", Format::Text, underscores),
            (PROTO, Format::Protobuf, underscores),
            (
                "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=text",
                Format::Text,
                underscores,
            ),
            (
                &format!("{PROTO};escaping=allow-utf-8;q=0.6,text/plain;q=0.5"),
                Format::Protobuf,
                Escaping::AllowUtf8,
            ),
            ("text/plain;version=0.0.4;escaping=values", Format::Text, Escaping::Values),
            ("text/plain;escaping=nonsense", Format::Text, underscores),
        ] {
            assert_eq!(of(accept), (format, escaping), "{accept}");
        }
    }

    #[test]
    fn what_prometheus_3_sends_is_answered_as_its_own_libraries_do() {
        let accept = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
                      application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
                      text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        assert_eq!(of(accept), (Format::OpenMetrics, Escaping::AllowUtf8));
        let without = Accepted::of(accept, false);
        assert_eq!(without.content_type(), "text/plain; version=0.0.4; charset=utf-8; escaping=allow-utf-8");
    }

    #[test]
    fn any_header_is_answered() {
        for accept in [";;;===,,,", "q=;q=9;q=NaN", &"text/plain;q=0.1,".repeat(10_000), "\u{fc};q=\u{fc}"] {
            assert_eq!(of(accept).0, Format::Text);
        }
    }
}
