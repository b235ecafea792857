# Sourced: where the real backends are kept, and which they are.
: "${BACKENDS:=${XDG_CACHE_HOME:-$HOME/.cache}/weir-backends}"
ALL=(otelcol prometheus loki jaeger telemetrygen)

COLLECTOR_VERSION=v0.161.0
LOKI_VERSION=v3.7.8
# Tags of major versions above 1 are no versions of a Go module whose path does not say so: the same commits have another tag.
PROMETHEUS_VERSION=v3.15.0 PROMETHEUS_MODULE=v0.315.0
JAEGER_VERSION=v2.13.0 JAEGER_MODULE=v1.76.0

# version_of NAME
version_of() {
    case $1 in
        otelcol | telemetrygen) echo "$COLLECTOR_VERSION" ;;
        loki) echo "$LOKI_VERSION" ;;
        prometheus) echo "$PROMETHEUS_VERSION" ;;
        jaeger) echo "$JAEGER_VERSION" ;;
        *) return 1 ;;
    esac
}
