#!/usr/bin/env bash
# Runs a real backend on loopback, in place of this script: run.sh jaeger|loki|prometheus|otelcol. It keeps what it has in $DATA.
# Variables, with their defaults below: the ports (API is where it is asked), and
#   CONFIG      another configuration (prometheus, otelcol)
#   RATE_MB     MB/s above which Loki answers 429, as it does above 4 where nobody has configured it
#   PROMETHEUS  another binary, such as Debian's /usr/bin/prometheus, which has no OTLP receiver: with OTLP=0
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/versions.sh"
export GRPC=${GRPC:-14317} HTTP=${HTTP:-14318} API=${API:-19090} API_GRPC=${API_GRPC:-19095} SCRAPE=${SCRAPE:-18889}
export RATE_MB=${RATE_MB:-1000}
export BURST_MB=$((RATE_MB * 3 / 2))
[ -n "${DATA:-}" ] || { DATA=$(mktemp -d) && echo "data: $DATA" >&2; }
export DATA

case ${1:-} in
jaeger)
    # OTLP at GRPC and HTTP; http://127.0.0.1:$API/api/services, /api/traces?service=NAME, /api/traces/ID, /api/v3/traces/ID
    exec "$BACKENDS/bin/jaeger" --config "$here/jaeger.yaml"
    ;;
loki)
    # http://127.0.0.1:$API: /loki/api/v1/push, OTLP at /otlp/v1/logs; /loki/api/v1/query_range?query={service_name="NAME"}
    exec "$BACKENDS/bin/loki" -config.file="$here/loki.yaml" -config.expand-env=true -target=all
    ;;
prometheus)
    # http://127.0.0.1:$API: /api/v1/write, OTLP at /api/v1/otlp/v1/metrics; /api/v1/query?query=NAME
    features=exemplar-storage flags=()
    # Without the second one it drops metrics whose temporality is delta.
    [ "${OTLP:-1}" = 0 ] || { features+=,otlp-deltatocumulative; flags=(--web.enable-otlp-receiver); }
    exec "${PROMETHEUS:-$BACKENDS/bin/prometheus}" --config.file="${CONFIG:-$here/prometheus.yaml}" --storage.tsdb.path="$DATA/tsdb" \
        --web.listen-address="127.0.0.1:$API" --web.enable-remote-write-receiver --web.enable-lifecycle \
        --enable-feature="$features" "${flags[@]}"
    ;;
otelcol)
    # OTLP at GRPC and HTTP, its metrics at http://127.0.0.1:$API/metrics, those of its prometheus exporter at SCRAPE
    exec "$BACKENDS/bin/otelcol" --config "${CONFIG:-$here/collector.yaml}" --config "$here/collector-self.yaml"
    ;;
*)
    echo "run.sh: say jaeger, loki, prometheus or otelcol" >&2
    exit 2
    ;;
esac
