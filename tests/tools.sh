#!/bin/sh
# Installs the pinned toolchain and the wasm32-wasip2 target if rustup does not have them yet.
set -eu
cd "$(dirname "$0")/.."
channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
if rustup toolchain list | grep -q "^$channel" &&
  rustup target list --installed --toolchain "$channel" | grep -q '^wasm32-wasip2$'; then
  exit 0
fi
echo "==> installing Rust $channel and its wasm32-wasip2 target"
rustup toolchain install "$channel" --profile minimal --component rustfmt --component clippy \
  --target wasm32-wasip2
