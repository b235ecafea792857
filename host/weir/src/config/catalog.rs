//! The components that weir has, and the names of those that the Collector has beside them.

use super::diagnostic::Diagnostic;

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
}

const PER_SIGNAL: &[(&str, Stability)] = &[
    ("logs", Stability::Alpha),
    ("metrics", Stability::Alpha),
    ("profiles", Stability::Development),
    ("traces", Stability::Alpha),
];

/// Where OTLP/JSON is read: weir has none of profiles.
const READABLE: &[(&str, Stability)] =
    &[("logs", Stability::Alpha), ("metrics", Stability::Alpha), ("traces", Stability::Alpha)];
const LOGS: &[(&str, Stability)] = &[("logs", Stability::Alpha)];
const METRICS_ONLY: &[(&str, Stability)] = &[("metrics", Stability::Alpha)];

const EXTENSION: &[(&str, Stability)] = &[("extension", Stability::Alpha)];

/// Receivers.
pub const RECEIVERS: Kind = Kind {
    section: "receivers",
    noun: "receiver",
    types: &[
        ComponentType { name: "otlp", aliases: &[], stability: PER_SIGNAL },
        ComponentType { name: "otlp_json_file", aliases: &["otlpjsonfile"], stability: READABLE },
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
};

/// Processors.
pub const PROCESSORS: Kind = Kind {
    section: "processors",
    noun: "processor",
    types: &[
        ComponentType { name: "wasm", aliases: &[], stability: PER_SIGNAL },
        ComponentType { name: "batch", aliases: &[], stability: PER_SIGNAL },
        ComponentType { name: "memory_limiter", aliases: &[], stability: PER_SIGNAL },
    ],
    elsewhere: &[
        "attributes",
        "cumulativetodelta",
        "deltatorate",
        "filter",
        "groupbyattrs",
        "groupbytrace",
        "interval",
        "k8sattributes",
        "logdedup",
        "metricstransform",
        "probabilistic_sampler",
        "redaction",
        "resource",
        "resourcedetection",
        "routing",
        "span",
        "tail_sampling",
        "transform",
    ],
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
        ComponentType { name: "prometheus", aliases: &[], stability: METRICS_ONLY },
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
        "prometheusremotewrite",
        "splunk_hec",
        "zipkin",
    ],
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
        "pprof",
        "sigv4auth",
        "zpages",
    ],
};

/// Every kind, in the order of a configuration.
pub const KINDS: [&Kind; 4] = [&RECEIVERS, &PROCESSORS, &EXPORTERS, &EXTENSIONS];

impl Kind {
    /// The type of a name or alias. The error says whether weir lacks it or nobody has it.
    pub fn find(&self, path: &str, name: &str) -> Result<&'static ComponentType, Diagnostic> {
        let found = self.types.iter().find(|known| known.name == name || known.aliases.contains(&name));
        if let Some(found) = found {
            return Ok(found);
        }
        let names = || {
            self.types
                .iter()
                .flat_map(|known| std::iter::once(known.name).chain(known.aliases.iter().copied()))
        };
        let noun = self.noun;
        Err(if self.elsewhere.contains(&name) {
            Diagnostic::new(path, format!("weir has no {noun} \"{name}\" yet")).with_valid("", names())
        } else {
            Diagnostic::new(path, format!("unknown {noun} type \"{name}\"")).with_valid(name, names())
        })
    }
}
