#!/bin/sh
# Renders each kustomization into OUT. The golden files are made by `deploy/kustomize/render.sh deploy/kustomize/golden`.
set -eu
out=${1:?where to?}
kustomize=${KUSTOMIZE:-kustomize}
mkdir -p "$out"
out=$(CDPATH= cd -- "$out" && pwd)
cd "$(dirname "$0")"
for folder in base overlays/production examples/shop; do
  "$kustomize" build "$folder" >"$out/$(basename "$folder").yaml"
done
