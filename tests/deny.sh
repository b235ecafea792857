#!/bin/sh
# Holds the dependencies of both workspaces to deny.toml. Installs cargo-deny, which takes some minutes; with `--if-there` it
# says that it was skipped instead.
set -eu
cd "$(dirname "$0")/.."
version=0.20.2
tools=tests/.cache/tools
deny="$tools/bin/cargo-deny"
if ! [ -x "$deny" ] || [ "$("$deny" --version)" != "cargo-deny $version" ]; then
  if [ "${1:-}" = --if-there ]; then
    echo "skipped: cargo-deny $version is not installed, \`make deny\` installs it"
    exit 0
  fi
  echo "==> installing cargo-deny $version (some minutes, once)"
  "${CARGO:-cargo}" install --locked --quiet --version "$version" --root "$tools" cargo-deny
fi

check() {
  "$deny" --locked "$@"
}
host="--config deny.toml --manifest-path Cargo.toml"
plugins="--config deny.toml --manifest-path plugins/Cargo.toml --target wasm32-wasip2"
for workspace in "$host" "$plugins"; do
  # Unquoted on purpose: several arguments. A workspace need not have everything that the other one is allowed.
  check $workspace check --allow license-not-encountered --allow unmatched-skip bans licenses sources
done
# Known vulnerabilities and yanked versions: the database is a repository elsewhere, which CI need not reach.
if check $host fetch db >/dev/null 2>&1; then
  for workspace in "$host" "$plugins"; do
    check $workspace check --disable-fetch advisories
  done
else
  echo "advisories: NOT CHECKED, the advisory database could not be fetched"
fi
