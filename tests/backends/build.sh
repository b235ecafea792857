#!/usr/bin/env bash
# Builds the real backends that tests run against, from the Go module proxy alone: build.sh [--missing] [NAME...], all without a NAME.
# --missing only names those that are not there in this version. They go to $BACKENDS/bin; see README.md.
# Needs: go >= 1.26.5, python3. Takes about ten minutes for all of them with two cores, and several GB of Go's caches.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
. "$here/versions.sh"
export GOFLAGS=-modcacherw GOWORK=off GOBIN="$BACKENDS/bin" CGO_ENABLED=0
go_build=(nice -n 10 go build -mod=mod -p 2 -trimpath)

# wrap NAME MODULE VERSION [EDIT...]: enters a module that has the requirements, replacements and checksums of MODULE and requires it.
# `go install` refuses modules with replacements, and these all have some; from this module their commands can be built.
wrap() {
    local name=$1 module=$2 version=$3 dir; shift 3
    mkdir -p "$BACKENDS/wrap/$name" && cd "$BACKENDS/wrap/$name"
    dir=$(go mod download -json "$module@$version" | python3 -c 'import json,sys; print(json.load(sys.stdin)["Dir"])')
    sed "s|^module .*|module wrap.invalid/$name|" "$dir/go.mod" >go.mod
    cp "$dir/go.sum" go.sum
    chmod u+w go.mod go.sum
    go mod edit -require="$module@$version" "$@"
}

# The UI is not in the module: the query API is whole, its pages are a placeholder.
build_jaeger() {
    local module=github.com/jaegertracing/jaeger
    wrap jaeger $module "$JAEGER_MODULE"
    "${go_build[@]}" -ldflags "-s -w -X $module/internal/version.latestVersion=$JAEGER_VERSION" -o "$GOBIN/jaeger" $module/cmd/jaeger
}

# pkg/push is replaced by a folder, which is a module of its own and so not in the archive: the published version does.
build_loki() {
    local module=github.com/grafana/loki/v3
    wrap loki $module "$LOKI_VERSION" -dropreplace=github.com/grafana/loki/pkg/push
    "${go_build[@]}" -ldflags "-s -w -X $module/pkg/util/build.Version=${LOKI_VERSION#v}" -o "$GOBIN/loki" $module/cmd/loki
}

# remove_all_sd leaves out the clouds' service discoveries, which are most of the build; static, file and http ones stay.
build_prometheus() {
    local module=github.com/prometheus/prometheus name
    wrap prometheus $module "$PROMETHEUS_MODULE"
    for name in promtool prometheus; do
        "${go_build[@]}" -tags netgo,remove_all_sd -ldflags "-s -w -X github.com/prometheus/common/version.Version=${PROMETHEUS_VERSION#v}" \
            -o "$GOBIN/$name" $module/cmd/$name
    done
}

# The Collector, by its own builder.
build_otelcol() {
    mkdir -p "$BACKENDS/wrap/otelcol" && cd "$BACKENDS/wrap/otelcol"
    GOFLAGS="$GOFLAGS -p=2" go install "go.opentelemetry.io/collector/cmd/builder@$COLLECTOR_VERSION"
    sed "s/VERSION/$COLLECTOR_VERSION/; s/^  version: v/  version: /" "$here/otelcol.yaml" >builder.yaml
    GOFLAGS="$GOFLAGS -p=2" nice -n 10 "$GOBIN/builder" --config builder.yaml
    cp build/otelcol "$GOBIN/otelcol"
}

build_telemetrygen() {
    nice -n 10 go install -p 2 -trimpath -ldflags "-s -w" \
        "github.com/open-telemetry/opentelemetry-collector-contrib/cmd/telemetrygen@$COLLECTOR_VERSION"
}

only_missing=
[ "${1:-}" != --missing ] || { only_missing=1; shift; }
[ $# -gt 0 ] || set -- "${ALL[@]}"
for name in "$@"; do
    version=$(version_of "$name") || { echo "build.sh: there is no backend $name; there are ${ALL[*]}" >&2; exit 2; }
    stamp="$BACKENDS/bin/$name.version"
    # One without a stamp was put there by somebody, who knows what it is.
    if [ -x "$BACKENDS/bin/$name" ] && { [ ! -e "$stamp" ] || [ "$(cat "$stamp")" = "$version" ]; }; then continue; fi
    if [ -n "$only_missing" ]; then echo "$name"; continue; fi
    command -v go >/dev/null || { echo "build.sh: $name is built with Go, which is not here: see https://go.dev/dl" >&2; exit 1; }
    mkdir -p "$BACKENDS/bin"
    echo "==> building $name $version"
    (build_"$name")
    echo "$version" >"$stamp"
done
