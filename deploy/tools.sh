#!/bin/sh
# Installs the real helm and kustomize into tests/.cache/tools/bin, from their Go modules, and builds tests/kubernetes/admission: some minutes,
# once. Without Go it says that it did not, and the tests that need them say that they were skipped.
set -eu
cd "$(dirname "$0")/.."
bin=$PWD/tests/.cache/tools/bin

# NAME MODULE VERSION
install() {
  if [ -x "$bin/$1" ] && go version -m "$bin/$1" | grep -q "mod.*${2%%/cmd/*}.*$3"; then
    return
  fi
  echo "==> installing $1 $3 (some minutes, once)"
  GOBIN=$bin CGO_ENABLED=0 go install -trimpath "$2@$3"
}

if ! command -v go >/dev/null; then
  echo "deploy/tools.sh: no Go here, so neither helm nor kustomize; the tests that need them will be skipped" >&2
  exit 0
fi
mkdir -p "$bin"
install helm helm.sh/helm/v4/cmd/helm v4.3.2
install kustomize sigs.k8s.io/kustomize/kustomize/v5 v5.8.2
cd tests/kubernetes/admission
CGO_ENABLED=0 go build -trimpath -o "$bin/admission" .
