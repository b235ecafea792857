#!/bin/sh
# Makes the virtual environment of the stacks' Python applications in tests/.cache/stacks, once per version of their
# requirements. Exits 0 without one if there is no Python that is new enough for them: the tests that need it say so.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
stacks="$here/../../deploy/stacks"
venv="$here/../.cache/stacks"

wanted=$(cat "$stacks/haiway/requirements.txt" "$stacks/junjo/requirements.txt")
if [ -f "$venv/installed" ] && [ "$(cat "$venv/installed")" = "$wanted" ]; then
    exit 0
fi
# haiway asks for 3.13. The last pattern is where pyenv keeps those that are not on the PATH.
python=
for candidate in python3.14 python3.13 python3 "$HOME"/.pyenv/versions/3.1[3-9]*/bin/python3; do
    if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 13))' 2>/dev/null; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "tests/python/stacks.sh: no Python 3.13 with venv here, the tests of haiway and junjo will be skipped" >&2
    exit 0
fi
mkdir -p "$here/../.cache"
rm -rf "$venv"
"$python" -m venv "$venv"
if ! "$venv/bin/pip" install -q --disable-pip-version-check \
    -r "$stacks/haiway/requirements.txt" -r "$stacks/junjo/requirements.txt"; then
    echo "tests/python/stacks.sh: haiway and junjo could not be installed, their tests will be skipped" >&2
    rm -rf "$venv"
    exit 0
fi
echo "$wanted" >"$venv/installed"
