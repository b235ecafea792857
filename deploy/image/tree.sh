#!/bin/sh
# Lays out what is in weir's image below OUT: the binary, the shipped plugins with their compiled code, the CA bundle and a
# configuration. The Containerfile copies it as it is; a test runs the very same tree.
#
#   deploy/image/tree.sh OUT [BINARY [PLUGINS...]]
#
# PLUGINS are folders with *.wasm: target/plugins, and one with your own for an image that has those, too, compiled.
# The binary has to run here, because it compiles the plugins: one of another architecture needs such a machine, or qemu-user.
# COMPILE=no leaves the code out, and weir then compiles at each start. CA_BUNDLE is what is trusted, by default what is trusted here.
set -eu
repository=$(CDPATH= cd -- "$(dirname -- "$0")/../.." && pwd)
out=${1:?where to?}
binary=${2:-$repository/target/release/weir}
if [ $# -ge 3 ]; then shift 2; else set -- "$repository/target/plugins"; fi
bundle=${CA_BUNDLE:-/etc/ssl/certs/ca-certificates.crt}

for needed in "$binary" "$bundle"; do
  [ -f "$needed" ] || { echo "tree.sh: $needed is not there" >&2; exit 1; }
done
if [ -e "$out" ]; then
  echo "tree.sh: $out is there already" >&2
  exit 1
fi

umask 022
mkdir -p "$out/usr/local/bin" "$out/usr/share/weir/plugins" "$out/var/cache/weir" "$out/etc/weir" "$out/etc/ssl/certs"
# A container with a read-only root mounts something here: granted files are copied to it.
mkdir -m 1777 "$out/tmp"
install -m 0755 "$binary" "$out/usr/local/bin/weir"
# Not a plugin directory by itself: a configuration names the files that it wants.
for plugins in "$@"; do
  install -m 0644 "$plugins"/*.wasm "$out/usr/share/weir/plugins/"
done
install -m 0644 "$bundle" "$out/etc/ssl/certs/ca-certificates.crt"
install -m 0644 "$repository/deploy/image/config.yaml" "$out/etc/weir/config.yaml"
if [ "${COMPILE:-yes}" = yes ]; then
  # Only read in the image: whatever else runs in the container cannot put code in here.
  "$out/usr/local/bin/weir" plugin precompile --portable --cache-dir "$out/var/cache/weir" \
    "$out"/usr/share/weir/plugins/*.wasm >/dev/null
fi
chmod -R a+rX,go-w "$out/var/cache/weir"
