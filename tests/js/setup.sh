#!/bin/sh
# Installs the OpenTelemetry SDK for JavaScript into tests/.cache/js, once per version of package-lock.json. Exits 0 without it
# if there is no Node here: the tests that need it say so.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
there="$here/../.cache/js"

if [ -f "$there/installed" ] && cmp -s "$there/installed" "$here/package-lock.json"; then
    cp "$here/emit.mjs" "$there/emit.mjs"
    exit 0
fi
if ! command -v npm >/dev/null; then
    echo "tests/js/setup.sh: no npm here, the JavaScript SDK tests will be skipped" >&2
    exit 0
fi
rm -rf "$there"
mkdir -p "$there"
cp "$here/package.json" "$here/package-lock.json" "$here/emit.mjs" "$there/"
if ! (cd "$there" && npm ci --ignore-scripts --silent --no-audit --no-fund); then
    echo "tests/js/setup.sh: the OpenTelemetry SDK could not be installed, its tests will be skipped" >&2
    rm -rf "$there"
    exit 0
fi
cp "$here/package-lock.json" "$there/installed"
