#!/bin/sh
# Fetches the OpenTelemetry SDK for Java into tests/.cache/java, once per version of pom.xml. Exits 0 without it if there is no
# Maven or no Java compiler here: the tests that need it say so.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
there="$here/../.cache/java"

if [ -f "$there/installed" ] && cmp -s "$there/installed" "$here/pom.xml"; then
    exit 0
fi
if ! command -v mvn >/dev/null || ! command -v javac >/dev/null; then
    echo "tests/java/setup.sh: no Maven or no Java compiler here, the Java SDK tests will be skipped" >&2
    exit 0
fi
rm -rf "$there"
mkdir -p "$there"
# What Maven itself needs for this goes where the user's other artifacts are.
if ! mvn -q -B -f "$here/pom.xml" dependency:copy-dependencies -DoutputDirectory="$there/jars" -DincludeScope=runtime; then
    echo "tests/java/setup.sh: the OpenTelemetry SDK could not be fetched, its tests will be skipped" >&2
    rm -rf "$there"
    exit 0
fi
cp "$here/pom.xml" "$there/installed"
