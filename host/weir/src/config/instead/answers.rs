//! The answers.

use super::{Instead, Shown};

const FILTER: &str = include_str!("../../../../../plugins/examples/drop-health-checks/src/lib.rs");
const TRANSFORM: &str = include_str!("../../../../../plugins/examples/rename-attribute/src/lib.rs");

const OTLP_HTTP: Shown = Shown::Yaml(
    "
exporters:
  otlp_http:
    endpoint: https://otlp.example.com
    headers: {authorization: 'Bearer ${env:TOKEN:-}'}
",
);

const OTLP_GRPC: Shown = Shown::Yaml(
    "
exporters:
  otlp_grpc:
    endpoint: jaeger:4317
    tls: {insecure: true}
",
);

const DOWNWARD_API: Shown = Shown::Yaml(
    "
processors:
  wasm/enrich:
    plugin: /usr/share/weir/plugins/enrich.wasm
    # The pod's downward API: variables, and its labels as files.
    files: [{source: /etc/podinfo, path: /etc/podinfo}]
    config:
      resource:
        set:
          k8s.pod.name: ${env:POD_NAME:-}
          k8s.namespace.name: ${env:POD_NAMESPACE:-}
          k8s.node.name: ${env:NODE_NAME:-}
      downward_api: {labels: {app.kubernetes.io/name: service.name}, all_labels: true}
",
);

const DETECTED: Shown = Shown::Yaml(
    "
processors:
  wasm/enrich:
    plugin: /usr/share/weir/plugins/enrich.wasm
    config:
      resource:
        set: {host.name: '${env:HOSTNAME:-}', cloud.region: '${env:CLOUD_REGION:-}'}
        otel_resource_attributes: ${env:OTEL_RESOURCE_ATTRIBUTES:-}
",
);

const SAMPLE: Shown = Shown::Yaml(
    "
processors:
  wasm/sample:
    plugin: /usr/share/weir/plugins/sample.wasm
    config:
      percentage: 10
      keep_errors: true
      rules:
        - name: slow
          when: {field: duration_ms, at_least: 2000}
          percentage: 100
",
);

const DEBUG: Shown = Shown::Yaml(
    "
exporters:
  debug: {verbosity: detailed}
",
);

const HEADERS: Shown = Shown::Yaml(
    "
exporters:
  otlp_http:
    endpoint: https://otlp.example.com
    headers: {authorization: 'Basic ${env:BASIC_CREDENTIALS:-}'}
",
);

/// The answers, by kind.
pub const ANSWERS: &[Instead] = &[
    // Receivers: weir takes what applications send by OTLP.
    answer(
        "receiver",
        "hostmetrics kubeletstats docker_stats k8s_cluster k8s_events k8sobjects httpcheck redis",
        "weir looks after the telemetry of its pod and collects nothing itself; leave this to a Collector on the node or \
         in the cluster",
        Shown::Nothing,
    ),
    answer(
        "receiver",
        "filelog journald syslog tcplog udplog fluentforward webhookevent",
        "weir reads no logs but those that are sent by OTLP; log through an OpenTelemetry SDK, or let the node's agent \
         that reads them send them to weir's otlp receiver",
        Shown::Nothing,
    ),
    answer(
        "receiver",
        "jaeger zipkin opencensus awsxray datadog",
        "weir takes OTLP alone; today's SDKs of every language send it: set OTEL_EXPORTER_OTLP_ENDPOINT to weir's otlp \
         receiver, or put a Collector with this receiver in front",
        Shown::Nothing,
    ),
    answer(
        "receiver",
        "prometheus prometheus_simple statsd carbon splunk_hec loki kafka",
        "weir takes OTLP alone; let Prometheus scrape the application itself, or put a Collector with this receiver and \
         an otlp exporter in front of weir",
        Shown::Nothing,
    ),
    answer(
        "receiver",
        "nop",
        "name the otlp receiver; a pipeline without data need not be there",
        Shown::Nothing,
    ),
    // Processors: plugins.
    answer(
        "processor",
        "filter",
        "a condition on items is a plugin of some lines (weir has no OTTL); this one is plugins/examples/drop-health-checks",
        Shown::Plugin(FILTER),
    ),
    answer(
        "processor",
        "transform metricstransform span",
        "a change of items is a plugin of some lines (weir has no OTTL), or the shipped plugin enrich if attributes are \
         set, renamed or deleted; this one is plugins/examples/rename-attribute",
        Shown::Plugin(TRANSFORM),
    ),
    answer(
        "processor",
        "k8sattributes",
        "a sidecar knows its pod without asking the API server: the shipped plugin enrich takes it from the downward API",
        DOWNWARD_API,
    ),
    answer(
        "processor",
        "resourcedetection",
        "what the pod's environment knows, the shipped plugin enrich puts on the resource",
        DETECTED,
    ),
    answer(
        "processor",
        "tail_sampling groupbytrace",
        "a whole trace comes together at a gateway, not in a sidecar: keep this in the gateway's Collector, and let weir \
         sample by trace id and keep its service's own errors and slow spans",
        SAMPLE,
    ),
    answer(
        "processor",
        "cumulativetodelta deltatorate interval",
        "weir leaves metrics as they are sent; set OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE=delta in the \
         application, or keep this in the gateway's Collector",
        Shown::Nothing,
    ),
    answer(
        "processor",
        "logdedup",
        "weir merges no records; sample the noisy ones with rules of the shipped plugin sample, or keep this in the \
         gateway's Collector",
        Shown::Nothing,
    ),
    answer(
        "processor",
        "groupbyattrs",
        "weir leaves items with the resource that they came with; keep this in the gateway's Collector",
        Shown::Nothing,
    ),
    answer(
        "processor",
        "routing",
        "give each way a pipeline of its own, with the plugin sample dropping what is not meant for it",
        Shown::Nothing,
    ),
    // Exporters: OTLP, which every current backend takes.
    answer("exporter", "logging", "it has been called debug since 2024, and means the same", DEBUG),
    answer("exporter", "jaeger", "Jaeger takes OTLP on its port 4317: use otlp_grpc", OTLP_GRPC),
    answer(
        "exporter",
        "zipkin opencensus",
        "use otlp_grpc or otlp_http to a backend that takes OTLP, or to a Collector that speaks this protocol",
        OTLP_GRPC,
    ),
    answer(
        "exporter",
        "datadog azuremonitor googlecloud awsxray splunk_hec elasticsearch",
        "this vendor takes OTLP, as its own documentation says: use otlp_http with the vendor's endpoint and key",
        OTLP_HTTP,
    ),
    answer(
        "exporter",
        "loadbalancing",
        "a sidecar sends to one address; put this into the Collectors behind it, or let otlp_grpc go to a headless service",
        Shown::Nothing,
    ),
    answer("exporter", "otelarrow", "use otlp_grpc, with compression zstd where bytes are dear", OTLP_GRPC),
    answer("exporter", "kafka clickhouse", "send by OTLP to a Collector that has this exporter", OTLP_GRPC),
    // Extensions.
    answer(
        "extension",
        "basicauth bearertokenauth oauth2client oidc sigv4auth headers_setter",
        "weir has no authenticators; give an exporter its key in headers, from a variable or a file (${file:PATH})",
        HEADERS,
    ),
    answer(
        "extension",
        "healthcheckv2",
        "weir has health_check, which answers for all of it; GET /plugins says more of plugins",
        Shown::Yaml(
            "
extensions:
  health_check: {endpoint: '0.0.0.0:13133'}
",
        ),
    ),
    answer(
        "extension",
        "memory_limiter",
        "use the processor memory_limiter: in weir it is one budget for all receivers, and refuses before a body is read",
        Shown::Yaml(
            "
processors:
  memory_limiter: {check_interval: 1s, limit_mib: 64, spike_limit_mib: 24}
",
        ),
    ),
    answer(
        "extension",
        "opamp",
        "weir reads its configuration again when its file changes, a ConfigMap for instance",
        Shown::Nothing,
    ),
    answer("extension", "k8s_observer", "weir discovers nothing: it serves its own pod", Shown::Nothing),
    answer(
        "extension",
        "ack",
        "weir answers a sender when the upstream has answered, so no other acknowledgement is needed",
        Shown::Nothing,
    ),
    // Connectors.
    answer(
        "connector",
        "spanmetrics servicegraph count exceptions sum signaltometrics",
        "weir makes no metrics of spans and logs; make them where all spans come together, in the gateway's Collector or \
         the backend (Tempo's metrics generator, for instance), before anything is sampled",
        Shown::Nothing,
    ),
    answer(
        "connector",
        "forward",
        "list the receivers in each pipeline: pipelines that share a receiver each get everything",
        Shown::Nothing,
    ),
    answer(
        "connector",
        "routing failover roundrobin",
        "one upstream an exporter, and all exporters of a pipeline get everything; leave the choice to a gateway",
        Shown::Nothing,
    ),
];

const fn answer(noun: &'static str, names: &'static str, answer: &'static str, shown: Shown) -> Instead {
    Instead { noun, names, answer, shown }
}
