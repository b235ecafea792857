//! Names: from those of OTLP to those of Prometheus, in each of the four ways of `translation_strategy`.
//!
//! The rules are those of the OpenTelemetry specification, and where it leaves something open, those of Prometheus' own
//! translator, which the Collector uses: names that dashboards know stay what they are.

use super::units::UnitWords;

/// How names are translated.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strategy {
    /// Whether names keep characters that only Prometheus 3 takes.
    pub keeps_utf8: bool,
    /// Whether names get no suffixes of units and types.
    pub without_suffixes: bool,
}

/// Translates the names of one exporter.
#[derive(Clone, Debug)]
pub(in crate::exporter) struct Translation {
    strategy: Strategy,
    namespace: String,
}

/// What the name of a metric depends on beside its own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::exporter) enum Role {
    /// A sum that only grows.
    Counter,
    /// A gauge, of which a unit of 1 makes a ratio.
    Gauge,
    /// Anything else.
    Other,
}

impl Translation {
    pub(in crate::exporter) fn new(strategy: Strategy, namespace: &str) -> Self {
        let namespace = match strategy.keeps_utf8 {
            true => namespace.to_owned(),
            false => tokens(namespace, is_name_char).join("_"),
        };
        Translation { strategy, namespace }
    }

    /// The name of a metric; `None` if nothing is left of it.
    pub(in crate::exporter) fn metric(&self, name: &str, unit: &str, role: Role) -> Option<String> {
        let translated = match self.strategy {
            Strategy { keeps_utf8: true, without_suffixes } => {
                let name = self.in_namespace(name);
                if without_suffixes { name } else { with_suffixes_as_they_are(name, unit, role) }
            }
            Strategy { without_suffixes: true, .. } => {
                let name = self.in_namespace(&tokens(name, is_name_char).join("_"));
                starting_well(name)
            }
            Strategy { .. } => self.normal(name, unit, role),
        };
        translated.chars().any(|c| c != '_').then_some(translated)
    }

    /// The unit as the name has it.
    pub(in crate::exporter) fn unit(&self, unit: &str) -> String {
        let words = UnitWords::of(unit);
        if self.strategy.keeps_utf8 { words.joined() } else { words.cleaned().joined() }
    }

    /// Writes the name of a label. An empty one has none.
    pub(in crate::exporter) fn put_label(&self, key: &str, out: &mut Vec<u8>) {
        if self.strategy.keeps_utf8 {
            return out.extend_from_slice(key.as_bytes());
        }
        let start = out.len();
        match key.bytes().next() {
            Some(b'0'..=b'9') => out.extend_from_slice(b"key_"),
            // Labels that begin with two underscores are Prometheus' own, and one is left of them.
            Some(b) if !b.is_ascii_alphabetic() => out.extend_from_slice(b"key"),
            _ => {}
        }
        for c in key.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' => out.push(c as u8),
                _ if out.len() > start && out.last() == Some(&b'_') => {}
                _ => out.push(b'_'),
            }
        }
    }

    /// The name of the series that has a target's attributes.
    pub(in crate::exporter) fn target_info(&self) -> String {
        self.in_namespace("target_info")
    }

    fn in_namespace(&self, name: &str) -> String {
        if self.namespace.is_empty() { name.to_owned() } else { format!("{}_{name}", self.namespace) }
    }

    /// Everything translated and every suffix added, none of them twice.
    fn normal(&self, name: &str, unit: &str, role: Role) -> String {
        let UnitWords { main, per } = UnitWords::of(unit).cleaned();
        let (main, per) = (main.trim_end_matches('_'), per.trim_end_matches('_'));
        let mut words = tokens(name, |c| c != '_' && is_name_char(c));
        if !main.is_empty() && !words.contains(&main) {
            words.push(main);
        }
        if !per.is_empty() && per != "per" && !words.contains(&per) {
            words.push(per);
        }
        let suffix = match role {
            Role::Counter => Some("total"),
            Role::Gauge if unit == "1" => Some("ratio"),
            Role::Gauge | Role::Other => None,
        };
        if let Some(suffix) = suffix {
            words.retain(|word| *word != suffix);
            words.push(suffix);
        }
        starting_well(self.in_namespace(&words.join("_")))
    }
}

/// Suffixes on a name that stays as it is. Those that it ends in already are put into their order.
fn with_suffixes_as_they_are(mut name: String, unit: &str, role: Role) -> String {
    let UnitWords { main, per } = UnitWords::of(unit);
    let suffix = match role {
        Role::Counter => "total",
        Role::Gauge if unit == "1" => "ratio",
        Role::Gauge | Role::Other => "",
    };
    for last in [suffix, per.as_str()] {
        cut(&mut name, last);
    }
    if !name.ends_with(&main) {
        name = format!("{name}_{main}");
    }
    for last in [per.as_str(), suffix] {
        if !last.is_empty() {
            name = format!("{name}_{last}");
        }
    }
    name
}

/// Cuts off a suffix and the character before it, if something is left then.
fn cut(name: &mut String, suffix: &str) {
    if suffix.is_empty() || !name.ends_with(suffix) {
        return;
    }
    let before = name[..name.len() - suffix.len()].char_indices().next_back();
    if let Some((at @ 1.., _)) = before {
        name.truncate(at);
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn tokens(name: &str, belongs: impl Fn(char) -> bool) -> Vec<&str> {
    name.split(|c| !belongs(c)).filter(|token| !token.is_empty()).collect()
}

/// No name begins with a digit.
fn starting_well(name: String) -> String {
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NORMAL: Strategy = Strategy { keeps_utf8: false, without_suffixes: false };
    const PLAIN: Strategy = Strategy { keeps_utf8: false, without_suffixes: true };
    const UTF8: Strategy = Strategy { keeps_utf8: true, without_suffixes: false };
    const AS_IT_IS: Strategy = Strategy { keeps_utf8: true, without_suffixes: true };

    fn name(strategy: Strategy, namespace: &str, metric: (&str, &str, Role)) -> String {
        let (name, unit, role) = metric;
        Translation::new(strategy, namespace).metric(name, unit, role).unwrap_or_default()
    }

    fn each(strategy: Strategy, cases: &[(&str, (&str, &str, Role), &str)]) {
        for (namespace, metric, expected) in cases {
            assert_eq!(name(strategy, namespace, *metric), *expected, "{namespace:?} {metric:?}");
        }
    }

    use Role::{Counter, Gauge, Other};

    #[test]
    fn names_get_units_and_types_as_suffixes_and_none_of_them_twice() {
        each(
            NORMAL,
            &[
                // What a Go platform has.
                ("", ("http_requests_total", "{request}", Counter), "http_requests_total"),
                ("", ("chat_tokens_total", "{token}", Counter), "chat_tokens_total"),
                ("", ("http_request_duration_seconds", "s", Other), "http_request_duration_seconds"),
                ("agentstack", ("agents.active", "{agent}", Other), "agentstack_agents_active"),
                // The rest of the rules.
                ("", ("requests", "", Counter), "requests_total"),
                ("", ("requests", "1", Counter), "requests_total"),
                ("", ("total_requests", "", Counter), "requests_total"),
                ("", ("requests_total", "", Gauge), "requests_total"),
                ("", ("cpu_usage", "1", Gauge), "cpu_usage_ratio"),
                ("", ("cpu_usage_ratio", "1", Gauge), "cpu_usage_ratio"),
                ("", ("cpu_usage", "1", Other), "cpu_usage"),
                ("", ("http.server.duration", "ms", Other), "http_server_duration_milliseconds"),
                ("", ("memory.usage", "By", Gauge), "memory_usage_bytes"),
                ("", ("io", "By", Counter), "io_bytes_total"),
                ("", ("io_total", "By", Counter), "io_bytes_total"),
                ("", ("bytes_read", "By", Counter), "bytes_read_total"),
                ("", ("throughput", "By/s", Gauge), "throughput_bytes_per_second"),
                ("", ("requests", "1/s", Gauge), "requests_per_second"),
                ("", ("custom_metric", "By/{custom}", Gauge), "custom_metric_bytes"),
                ("", ("custom_metric", "custom_unit", Gauge), "custom_metric_custom_unit"),
                ("app", ("requests", "1/s", Counter), "app_requests_per_second_total"),
                ("app", ("123_requests", "", Counter), "app_123_requests_total"),
                ("", ("123_requests", "", Counter), "_123_requests_total"),
                ("test-space", ("a", "", Gauge), "test_space_a"),
                ("", ("a__b..c", "", Gauge), "a_b_c"),
                ("", ("_a_", "", Gauge), "a"),
                ("", ("gr\u{fc}n:ab", "", Gauge), "gr_n:ab"),
                ("", ("@#$%", "", Gauge), ""),
                ("", ("@#$%", "", Counter), "total"),
                ("", ("", "", Gauge), ""),
            ],
        );
    }

    #[test]
    fn without_suffixes_characters_alone_are_replaced() {
        each(
            PLAIN,
            &[
                ("", ("metric@with#special$chars", "", Gauge), "metric_with_special_chars"),
                ("", ("metric@@##name", "", Gauge), "metric_name"),
                ("", ("a__b", "s", Counter), "a__b"),
                ("", ("123metric", "", Gauge), "_123metric"),
                ("test@namespace!!??", ("metric", "", Gauge), "test_namespace_metric"),
                ("", ("@#$%", "", Gauge), ""),
            ],
        );
    }

    #[test]
    fn names_may_keep_what_only_prometheus_3_takes() {
        each(
            UTF8,
            &[
                ("", ("requ\u{ea}sts", "", Counter), "requ\u{ea}sts_total"),
                ("", ("http.requests.total", "", Counter), "http.requests_total"),
                ("", ("cpu_usag\u{e9}", "1", Gauge), "cpu_usag\u{e9}_ratio"),
                ("", ("requ\u{ea}sts", "1/s", Gauge), "requ\u{ea}sts_per_second"),
                ("\u{f1}", ("requ\u{ea}sts", "1/s", Counter), "\u{f1}_requ\u{ea}sts_per_second_total"),
                ("", ("@#$%", "", Counter), "@#$%_total"),
                ("", ("http.duration.seconds", "s", Other), "http.duration.seconds"),
                ("", ("total", "", Counter), "total_total"),
                ("", ("\u{e9}total", "", Counter), "\u{e9}total_total"),
            ],
        );
        each(
            AS_IT_IS,
            &[
                ("", ("m\u{e9}tric.a", "s", Counter), "m\u{e9}tric.a"),
                ("ns", ("m\u{e9}tric.a", "s", Counter), "ns_m\u{e9}tric.a"),
            ],
        );
    }

    #[test]
    fn labels_are_letters_digits_and_single_underscores() {
        let label = |strategy, key: &str| {
            let mut out = Vec::new();
            Translation::new(strategy, "").put_label(key, &mut out);
            String::from_utf8(out).unwrap()
        };
        for (key, expected) in [
            ("http.method", "http_method"),
            ("a", "a"),
            ("", ""),
            ("123abc", "key_123abc"),
            ("_private", "key_private"),
            ("__name__", "key_name_"),
            (":a:b", "key_a_b"),
            ("a..b--c__d", "a_b_c_d"),
            ("\u{fc}", "key_"),
            ("gr\u{fc}n", "gr_n"),
        ] {
            assert_eq!(label(NORMAL, key), expected, "{key:?}");
        }
        assert_eq!(label(UTF8, "http.m\u{e9}thod"), "http.m\u{e9}thod");
    }

    #[test]
    fn the_target_has_the_namespace_too() {
        assert_eq!(Translation::new(NORMAL, "").target_info(), "target_info");
        assert_eq!(Translation::new(NORMAL, "a.b").target_info(), "a_b_target_info");
    }
}
