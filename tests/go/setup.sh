#!/bin/sh
# Builds the Go program of the tests into tests/.cache/go, once per version of its source. Exits 0 without it if there is no Go
# here, or its modules cannot be had: the tests that need it say so.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
there="$here/../.cache/go"

digest=$(cd "$here" && cat go.mod go.sum ./*.go | sha256sum)
if [ -x "$there/agents" ] && [ "$(cat "$there/digest" 2>/dev/null)" = "$digest" ]; then
    exit 0
fi
if ! command -v go >/dev/null; then
    echo "tests/go/setup.sh: no Go here, the Go SDK tests will be skipped" >&2
    exit 0
fi
mkdir -p "$there"
rm -f "$there/agents" "$there/digest"
# The modules are exactly those of go.sum: -mod=readonly refuses any other. No toolchain is fetched.
if ! (cd "$here" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly go build -trimpath -o "$there/agents" .); then
    echo "tests/go/setup.sh: the Go program could not be built, its tests will be skipped" >&2
    exit 0
fi
echo "$digest" >"$there/digest"
