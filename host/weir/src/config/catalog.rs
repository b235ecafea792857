//! The components that weir has, and the names of those that the Collector has beside them.

use super::diagnostic::Diagnostic;
use super::instead;

/// How far a component is, in the Collector's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stability {
    /// Works, and may change.
    Alpha,
    /// Works in part.
    Development,
}

impl Stability {
    /// As `weir components` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Stability::Alpha => "Alpha",
            Stability::Development => "Development",
        }
    }
}

/// One type of component.
#[derive(Debug)]
pub struct ComponentType {
    /// Its name.
    pub name: &'static str,
    /// Older names, which mean the same.
    pub aliases: &'static [&'static str],
    /// How far it is, by signal; an extension has none and says "extension".
    pub stability: &'static [(&'static str, Stability)],
}

/// One kind of component, which is one section of a configuration.
#[derive(Debug)]
pub struct Kind {
    /// The section's key.
    pub section: &'static str,
    /// One of them.
    pub noun: &'static str,
    /// What weir has.
    pub types: &'static [ComponentType],
    /// What the Collector and its contrib distribution have and weir lacks; the ones that are met most.
    pub elsewhere: &'static [&'static str],
    /// What the Collector has and weir leaves out with a warning, since no data depends on it, and what to know.
    pub left_out: &'static [(&'static str, &'static str)],
}

const PER_SIGNAL: &[(&str, Stability)] = &[
    ("logs", Stability::Alpha),
    ("metrics", Stability::Alpha),
    ("profiles", Stability::Development),
    ("traces", Stability::Alpha),
];

const WITHOUT_PROFILES: &[(&str, Stability)] =
    &[("logs", Stability::Alpha), ("metrics", Stability::Alpha), ("traces", Stability::Alpha)];
const LOGS: &[(&str, Stability)] = &[("logs", Stability::Alpha)];
const METRICS: &[(&str, Stability)] = &[("metrics", Stability::Alpha)];
const SAMPLED: &[(&str, Stability)] = &[("logs", Stability::Alpha), ("traces", Stability::Alpha)];

const EXTENSION: &[(&str, Stability)] = &[("extension", Stability::Alpha)];

/// Why a type is not found.
#[derive(Debug)]
pub enum Unknown {
    /// The Collector has it, and no data depends on it; what to know.
    LeftOut(&'static str),
    /// The Collector has it, and weir lacks it; what to do instead.
    Lacking(Diagnostic),
    /// Nobody has it.
    Nowhere(Diagnostic),
}

/// Receivers.
pub const RECEIVERS: Kind = Kind {
    section: "receivers",
    noun: "receiver",
    types: &[
        ComponentType { name: "otlp", aliases: &[], stability: PER_SIGNAL },
        ComponentType { name: "otlp_json_file", aliases: &["otlpjsonfile"], stability: WITHOUT_PROFILES },
    ],
    elsewhere: &[
        "awsxray",
        "carbon",
        "datadog",
        "docker_stats",
        "filelog",
        "fluentforward",
        "hostmetrics",
        "httpcheck",
        "jaeger",
        "journald",
        "k8s_cluster",
        "k8s_events",
        "k8sobjects",
        "kafka",
        "kubeletstats",
        "loki",
        "nop",
        "opencensus",
        "prometheus",
        "prometheus_simple",
        "redis",
        "splunk_hec",
        "statsd",
        "syslog",
        "tcplog",
        "udplog",
        "webhookevent",
        "zipkin",
    ],
    left_out: &[],
};

/// Processors.
pub const PROCESSORS: Kind = Kind {
    section: "processors",
    noun: "processor",
    types: &[
        ComponentType { name: "wasm", aliases: &[], stability: PER_SIGNAL },
        ComponentType { name: "attributes", aliases: &[], stability: WITHOUT_PROFILES },
        ComponentType { name: "resource", aliases: &[], stability: WITHOUT_PROFILES },
        ComponentType { name: "redaction", aliases: &[], stability: WITHOUT_PROFILES },
        ComponentType { name: "batch", aliases: &[], stability: PER_SIGNAL },
        ComponentType { name: "memory_limiter", aliases: &[], stability: PER_SIGNAL },
        ComponentType { name: "probabilistic_sampler", aliases: &[], stability: SAMPLED },
    ],
    elsewhere: &[
        "cumulativetodelta",
        "deltatorate",
        "filter",
        "groupbyattrs",
        "groupbytrace",
        "interval",
        "k8sattributes",
        "logdedup",
        "metricstransform",
        "resourcedetection",
        "routing",
        "span",
        "tail_sampling",
        "transform",
    ],
    left_out: &[],
};

/// Exporters.
pub const EXPORTERS: Kind = Kind {
    section: "exporters",
    noun: "exporter",
    types: &[
        ComponentType { name: "otlp_grpc", aliases: &["otlp"], stability: PER_SIGNAL },
        ComponentType { name: "otlp_http", aliases: &["otlphttp"], stability: PER_SIGNAL },
        ComponentType { name: "loki", aliases: &[], stability: LOGS },
        ComponentType { name: "debug", aliases: &[], stability: PER_SIGNAL },
        ComponentType { name: "file", aliases: &[], stability: PER_SIGNAL },
        ComponentType { name: "prometheus", aliases: &[], stability: METRICS },
        ComponentType { name: "prometheusremotewrite", aliases: &[], stability: METRICS },
        ComponentType { name: "nop", aliases: &[], stability: PER_SIGNAL },
    ],
    elsewhere: &[
        "awsxray",
        "azuremonitor",
        "clickhouse",
        "datadog",
        "elasticsearch",
        "googlecloud",
        "jaeger",
        "kafka",
        "loadbalancing",
        "logging",
        "opencensus",
        "otelarrow",
        "splunk_hec",
        "zipkin",
    ],
    left_out: &[],
};

/// Extensions.
pub const EXTENSIONS: Kind = Kind {
    section: "extensions",
    noun: "extension",
    types: &[
        ComponentType { name: "health_check", aliases: &[], stability: EXTENSION },
        ComponentType { name: "file_storage", aliases: &[], stability: EXTENSION },
    ],
    elsewhere: &[
        "ack",
        "basicauth",
        "bearertokenauth",
        "headers_setter",
        "healthcheckv2",
        "k8s_observer",
        "memory_limiter",
        "oauth2client",
        "oidc",
        "opamp",
        "sigv4auth",
    ],
    left_out: &[
        ("memory_ballast", "weir needs no ballast"),
        ("pprof", "weir has no profiling server; `perf` shows where its time goes"),
        ("zpages", "weir has none; its metrics, its health page and GET /plugins say what it does"),
    ],
};

/// The Collector's connectors that are met most. weir has none.
pub const CONNECTORS_ELSEWHERE: &[&str] = &[
    "count",
    "exceptions",
    "failover",
    "forward",
    "roundrobin",
    "routing",
    "servicegraph",
    "signaltometrics",
    "spanmetrics",
    "sum",
];

/// Every kind, in the order of a configuration.
pub const KINDS: [&Kind; 4] = [&RECEIVERS, &PROCESSORS, &EXPORTERS, &EXTENSIONS];

impl Kind {
    /// The type of a name or alias.
    pub fn find(&self, path: &str, name: &str) -> Result<&'static ComponentType, Unknown> {
        let found = self.types.iter().find(|known| known.name == name || known.aliases.contains(&name));
        if let Some(found) = found {
            return Ok(found);
        }
        let names = || {
            self.types
                .iter()
                .flat_map(|known| std::iter::once(known.name).chain(known.aliases.iter().copied()))
        };
        if let Some((_, reason)) = self.left_out.iter().find(|(known, _)| *known == name) {
            return Err(Unknown::LeftOut(reason));
        }
        if self.elsewhere.contains(&name) {
            return Err(Unknown::Lacking(lacking(path, self.noun, name)));
        }
        let reason = format!("unknown {} type \"{name}\"", self.noun);
        Err(Unknown::Nowhere(Diagnostic::new(path, reason).with_valid(name, names())))
    }
}

/// A component that the Collector has and weir lacks, with what to do instead.
pub fn lacking(path: &str, noun: &str, name: &str) -> Diagnostic {
    match instead::find(noun, name) {
        Some(instead) => {
            let reason = format!("weir has no {noun} \"{name}\": {}", instead.answer);
            Diagnostic { shown: instead.shown.text(), ..Diagnostic::new(path, reason) }
        }
        None => Diagnostic::new(path, format!("weir has no {noun} \"{name}\" yet")),
    }
}
