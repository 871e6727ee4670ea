# `make` or `make help` lists what there is. Everything works on a fresh machine with Rust, a C compiler and make;
# what else is missing `.ci/setup` installs through the system's package manager or names exactly.

.DEFAULT_GOAL := help
.PHONY: help setup build demo test fmt lint docs deny bench soak clean
.NOTPARALLEL:

SHELL := /bin/sh
CARGO ?= cargo
export CARGO

# Build scripts load libclang, which programs that are linked statically, Alpine's default, cannot do.
ifneq ($(wildcard /etc/alpine-release),)
export RUSTFLAGS += -C target-feature=-crt-static
endif

# Bounds of `make soak`: cases per property, seconds that a long test may take, minutes until the tests are stopped;
# then rounds of kill -9, and hours of load with one fault a minute (24 before a release).
SOAK_CASES ?= 4096
SOAK_SECONDS ?= 600
SOAK_MINUTES ?= 120
SOAK_KILLS ?= 200
SOAK_HOURS ?= 0.5
# `make bench BENCH_PROFILE=release` optimises across crates, at the price of one more build of everything.
BENCH_PROFILE ?= dev
# Arguments of the demo, for example `make demo DEMO_ARGS="--nodes 7"`.
DEMO_ARGS ?=

step = @printf '\n==> %s\n' '$(1)'

help: ## This list
	@printf '河南链 hnchain\n\n'
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-14s %s\n", $$1, $$2 }'
	@printf '\nStart with `make demo`. README.md says what you then see.\n'

setup: ## Check Rust, C and C++ compiler and libclang; install or name what is missing
	@./.ci/setup

build: setup ## Build all programs into target/debug
	$(call step,build the programs)
	$(CARGO) build --locked --workspace --bins

demo: build ## Four nodes, real sample records, offline verification; takes minutes the first time
	$(call step,four nodes and their records)
	@./.ci/program hnchain-testnet demo $(DEMO_ARGS)

test: ## Everything that CI checks: format, lints, tests, documentation, dependencies
	@./.ci/setup test
	$(call step,format)
	$(CARGO) fmt --all --check
	$(call step,programs)
	$(CARGO) build --locked --workspace --bins
	$(call step,lints)
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(call step,tests)
	$(CARGO) test --locked --workspace
	$(call step,documentation)
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps
	@$(MAKE) --no-print-directory deny
	$(call step,all checks passed)

fmt: ## Format all sources
	$(CARGO) fmt --all

lint: ## Lints alone
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

docs: ## API documentation into target/doc
	RUSTDOCFLAGS='-D warnings' $(CARGO) doc --locked --workspace --no-deps

deny: ## Licences, advisories and sources of dependencies, where cargo-deny is installed
	$(call step,licences and advisories of dependencies)
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
		$(CARGO) deny check; \
	else \
		echo 'NOT CHECKED: cargo-deny is not installed; `cargo install --locked cargo-deny` brings it'; \
	fi

bench: setup ## Criterion benches; `make bench BENCH_PROFILE=release` for release numbers
	$(call step,benches)
	$(CARGO) bench --locked -p hnchain-benches --benches --profile $(BENCH_PROFILE)

soak: setup ## Property tests with many cases, the long tests, 200 rounds of kill -9, half an hour of faults under load
	$(call step,programs)
	$(CARGO) build --locked --workspace --bins
	$(call step,properties with $(SOAK_CASES) cases and long tests of $(SOAK_SECONDS) s)
	PROPTEST_CASES=$(SOAK_CASES) HNCHAIN_SOAK_SECONDS=$(SOAK_SECONDS) \
		./.ci/within $(SOAK_MINUTES) $(CARGO) test --locked --workspace -- --include-ignored
	./.ci/within $(SOAK_MINUTES) $(CARGO) run --locked -p hnchain-fuzz -- run --all --seconds $$(( $(SOAK_SECONDS) / 20 ))
	$(call step,$(SOAK_KILLS) rounds of kill -9 under load)
	@./.ci/program hnchain-testnet chaos --kill-rounds $(SOAK_KILLS)
	$(call step,load with one fault a minute for $(SOAK_HOURS) h)
	@./.ci/program hnchain-testnet soak --hours $(SOAK_HOURS)

clean: ## Remove what was built and the demo's network
	$(CARGO) clean
	rm -rf .hnchain-demo
