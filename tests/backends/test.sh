#!/usr/bin/env bash
# Runs the end-to-end modules that start a real backend; here one that is missing fails instead of being skipped.
set -euo pipefail
cd "$(dirname "$0")/.."
missing=$(backends/build.sh --missing | xargs)
[ -z "$missing" ] || { echo "missing in the cache: $missing; \`make backends\` builds what is missing" >&2; exit 1; }
# Each module that names one, so that there is no list to forget: the first folder or file below e2e is the module.
mapfile -t modules < <(grep -rlE 'Backend::|backend::' tests/e2e | sed -E 's|^tests/e2e/([a-z0-9_]+).*|\1::|' | sort -u)
echo "==> testing with real backends: ${modules[*]%::}"
WEIR_BACKENDS=required exec "${CARGO:-cargo}" test --release --locked --package weir-tests --test e2e -- "${modules[@]}"
