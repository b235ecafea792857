#!/bin/sh
# Lints the chart and renders it with each of weir/ci/*-values.yaml, and the example that has it as a dependency, into OUT. The golden
# files are made by `deploy/helm/render.sh deploy/helm/golden`.
set -eu
out=${1:?where to?}
helm=${HELM:-helm}
mkdir -p "$out"
out=$(CDPATH= cd -- "$out" && pwd)
cd "$(dirname "$0")"

# helm packs a dependency into the chart that has it, so it works on a copy.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cp -RL weir examples "$work"
"$helm" lint --strict --quiet "$work/weir" >&2
for values in weir/ci/*-values.yaml; do
  name=$(basename "$values" -values.yaml)
  "$helm" lint --strict --quiet "$work/weir" --values "$values" >&2
  "$helm" template weir "$work/weir" --namespace observability --kube-version 1.33.0 --values "$values" >"$out/$name.yaml"
done
shop=$work/examples/shop
"$helm" dependency update --skip-refresh "$shop" >/dev/null
"$helm" template shop "$shop" --namespace shop --kube-version 1.33.0 >"$out/sidecar.yaml"
"$helm" template shop "$shop" --namespace shop --kube-version 1.28.0 --set weir.sidecar.native=false >"$out/sidecar-classic.yaml"
