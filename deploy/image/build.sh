#!/bin/sh
# Builds weir's image for each architecture that is named, amd64 by default, and puts them under one name into buildah's
# store; and as target/image/weir-ARCH.oci.tar. Needs buildah; no daemon, no base image, no root.
#
#   deploy/image/build.sh [amd64] [arm64]
#
# The binary is static (musl), with zig as the C compiler and linker of both architectures: cargo-zigbuild and ziglang come from PyPI.
# wasmtime is compiled for each target: ten minutes, once. The code of the plugins is compiled by the binary itself, so another processor
# than this one needs qemu-user (Debian: qemu-user-binfmt).
set -eu
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=${IMAGE:-weir}:${TAG:-$version}
channel=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
zig=tests/.cache/zig
out=target/image
[ $# -gt 0 ] || set -- amd64
command -v buildah >/dev/null || { echo "build.sh: buildah is not installed (Debian: apt-get install buildah)" >&2; exit 1; }

# The same input, the same image: times are those of the last commit.
epoch=$(git log -1 --format=%ct 2>/dev/null || echo 0)

if ! [ -x "$zig/bin/cargo-zigbuild" ]; then
  python3 -m venv "$zig"
  "$zig/bin/pip" install --quiet --disable-pip-version-check --requirement deploy/image/requirements.txt
fi
mkdir -p "$out"
if buildah manifest exists "$name" 2>/dev/null; then buildah manifest rm "$name" >/dev/null; fi
buildah manifest create "$name" >/dev/null
for arch in "$@"; do
  case $arch in
    amd64) target=x86_64-unknown-linux-musl ;;
    arm64) target=aarch64-unknown-linux-musl ;;
    *) echo "build.sh: weir is built for amd64 and arm64, not for $arch" >&2; exit 1 ;;
  esac
  if command -v rustup >/dev/null; then rustup target add --toolchain "$channel" "$target"; fi
  echo "==> building weir for $arch (the first time takes about ten minutes: wasmtime is compiled for it)"
  PATH="$PWD/$zig/bin:$PATH" CARGO_TARGET_DIR=target/static CARGO_PROFILE_RELEASE_STRIP=symbols \
    "${CARGO:-cargo}" zigbuild --release --locked --package weir --bins --target "$target"
  rm -rf "$out/tree-$arch" "$out/weir-$arch.oci.tar"
  deploy/image/tree.sh "$out/tree-$arch" "target/static/$target/release/weir"
  buildah build --quiet --isolation chroot --platform "linux/$arch" --timestamp "$epoch" --manifest "$name" \
    --file deploy/image/Containerfile "$out/tree-$arch" >"$out/weir-$arch.id"
  buildah push --quiet "$(cat "$out/weir-$arch.id")" "oci-archive:$out/weir-$arch.oci.tar:$name"
  echo "==> $out/weir-$arch.oci.tar"
done
echo "==> $name: buildah manifest push --all $name docker://REGISTRY/$name"
