#!/bin/sh
# Makes the virtual environment with Kubernetes' schemas in tests/.cache/venv-kubernetes, once per version of requirements.txt; and, for
# root on Debian, installs a container runtime with its seccomp profile. Exits 0 without them: the tests that need them say so.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
venv="$here/../.cache/venv-kubernetes"
stamp="$venv/requirements.txt"

profile=/usr/share/containers/seccomp.json
if ! { command -v runc && [ -f "$profile" ]; } >/dev/null; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        apt-get install -y -q --no-install-recommends runc golang-github-containers-common >/dev/null 2>&1 || true
    fi
fi
if ! { command -v runc && [ -f "$profile" ]; } >/dev/null; then
    echo "tests/kubernetes/setup.sh: no runc with $profile here, the image's tree will not be run in a container" >&2
fi

if [ -f "$stamp" ] && cmp -s "$stamp" "$here/requirements.txt"; then
    exit 0
fi
if ! python3 -c 'import venv, ensurepip' 2>/dev/null; then
    echo "tests/kubernetes/setup.sh: no python3 with venv here, manifests will not be held to Kubernetes' schemas" >&2
    exit 0
fi
mkdir -p "$here/../.cache"
rm -rf "$venv"
python3 -m venv "$venv"
if ! "$venv/bin/pip" install -q --disable-pip-version-check -r "$here/requirements.txt"; then
    echo "tests/kubernetes/setup.sh: kubernetes-validate could not be installed, its test will be skipped" >&2
    rm -rf "$venv"
    exit 0
fi
cp "$here/requirements.txt" "$stamp"
