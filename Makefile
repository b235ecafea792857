# weir's commands. `make demo` and `make test` are all that a new user needs; each installs what it lacks.

CARGO ?= cargo
PLUGINS := redact sample enrich
WASM := plugins/target/wasm32-wasip2/release
OUT := target/plugins
SECONDS := 600
ARCHS := amd64

.PHONY: help demo test test-backends build host runtime-only plugins image image-tree tools clients backends deploy-tools lint deny bench soak fuzz clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: build ## Build weir and watch it work on recorded telemetry
	@echo "==> running the demo"
	@target/release/weir demo

test: build lint clients ## Build, then run every test
	@echo "==> testing the plugins"
	cd plugins && $(CARGO) test --release --locked --quiet
	@echo "==> testing the host, and the binary with real clients"
	@# Apart from the rest, because their tests want a tokio whose clock can be stopped, and the binary must not have it.
	$(CARGO) test --release --locked --quiet --package weir-pipeline --package weir-plugin
	$(CARGO) test --release --locked --quiet --package weir-otlp --package weir --package weir-tests
	@tests/deny.sh --if-there
	@missing=$$(tests/backends/build.sh --missing | xargs); \
	  [ -z "$$missing" ] || echo "skipped: the tests with $$missing, which \`make backends\` builds"

test-backends: build backends ## Run the tests that need real backends, with all of them
	@CARGO="$(CARGO)" tests/backends/test.sh

build: host plugins ## Build target/release/weir and target/plugins/*.wasm

host: tools
	@echo "==> building weir (the first time takes about ten minutes: wasmtime is compiled once)"
	$(CARGO) build --release --locked --workspace --bins

runtime-only: tools ## Build target/runtime-only/release/weir, which has no compiler and runs precompiled plugins alone
	@echo "==> building weir without a compiler (wasmtime is compiled once more for it: some minutes)"
	CARGO_TARGET_DIR=target/runtime-only $(CARGO) build --release --locked --package weir --no-default-features --bins

plugins: tools
	@echo "==> building the plugins"
	cd plugins && $(CARGO) build --release --locked --target wasm32-wasip2
	@mkdir -p $(OUT)/examples
	@for name in $(PLUGINS); do cp $(WASM)/$$name.wasm $(OUT)/$$name.wasm; done
	@for folder in plugins/examples/*/; do \
	  name=$$(basename $$folder); cp $(WASM)/$$(echo $$name | tr - _).wasm $(OUT)/examples/$$name.wasm; done

image: plugins ## Build the container image for ARCHS (amd64) with buildah: target/image/weir-ARCH.oci.tar
	@deploy/image/build.sh $(ARCHS)

image-tree: build ## Lay out the image's files in target/image/tree, with the binary at hand
	@rm -rf target/image/tree && mkdir -p target/image
	@deploy/image/tree.sh target/image/tree && echo "target/image/tree"

tools:
	@command -v $(CARGO) >/dev/null || { echo "weir needs Rust: see https://rustup.rs" >&2; exit 1; }
	@if command -v rustup >/dev/null; then tests/tools.sh; fi

clients: ## Install what the tests use: SDKs for Python, JavaScript, Go and Java, haiway, junjo, Kubernetes' schemas, runc (skips what cannot be had)
	@tests/python/setup.sh
	@tests/python/stacks.sh
	@tests/js/setup.sh
	@tests/go/setup.sh
	@tests/java/setup.sh
	@tests/kubernetes/setup.sh

deploy-tools: ## Install helm and kustomize for the tests of deploy/ (needs Go, some minutes)
	@deploy/tools.sh

backends: ## Build the real backends that are missing: Jaeger, Loki, Prometheus, the Collector (about ten minutes, with Go)
	@tests/backends/build.sh

lint: ## Check formatting and lints
	$(CARGO) fmt --check
	cd plugins && $(CARGO) fmt --check
	$(CARGO) clippy --release --locked --workspace --all-targets -- -D warnings
	cd plugins && $(CARGO) clippy --release --locked --all-targets -- -D warnings

deny: tools ## Check the dependencies: licences, sources, duplicates, known vulnerabilities (installs cargo-deny)
	@tests/deny.sh

bench: build ## Measure CPU per item against a relay floor, idle memory and start time
	target/release/weir-bench

soak: build ## Run weir under everything at once for SECONDS (600), and fail if anything grows
	target/release/weir-soak --seconds $(SECONDS)

fuzz: ## Fuzz the parsers for a minute each (needs a nightly toolchain and cargo-fuzz)
	cd host/otlp && for target in walk edits splice split interest json; do \
	  mkdir -p fuzz/corpus/$$target; \
	  cargo +nightly fuzz run $$target fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=60 || exit 1; done

clean:
	$(CARGO) clean
	cd plugins && $(CARGO) clean
