#!/bin/sh
# Makes the virtual environment of the Python tests in tests/.cache/venv, once per version of requirements.txt.
# Exits 0 without one if there is no Python and none can be installed: the tests that need it say so.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cache="$here/../.cache"
venv="$cache/venv"
stamp="$venv/requirements.txt"

if [ -f "$stamp" ] && cmp -s "$stamp" "$here/requirements.txt"; then
    exit 0
fi
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get install -y -q python3 python3-venv >/dev/null 2>&1 || true
    fi
fi
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    echo "tests/python/setup.sh: no python3 with venv here, the Python SDK tests will be skipped" >&2
    exit 0
fi
mkdir -p "$cache"
rm -rf "$venv"
python3 -m venv "$venv"
if ! "$venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"; then
    echo "tests/python/setup.sh: the OpenTelemetry SDK could not be installed, its tests will be skipped" >&2
    rm -rf "$venv"
    exit 0
fi
cp "$here/requirements.txt" "$stamp"
