# Thin recipes: whatever needs an `if` is a script or Rust.
.NOTPARALLEL:
# Programs are run from here and not by `cargo run`, which would compile what they share anew: with the features of one of
# them alone.
TARGET := $(or $(CARGO_TARGET_DIR),target)

.PHONY: help demo test check fmt clippy deny bundles bench bench-smoke fuzz

help: ## Say what there is
	@sed -n 's/^\([a-z-]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 14

demo: ## Build the example app, a gallery, and serve it on http://127.0.0.1:8080
	tests/prerequisites.sh demo
	cargo build --release -p edgeplane
	examples/gallery/build.sh
	cargo run --release -q -p edgeplane -- serve examples/gallery

test: prerequisites check bundles ## Everything: check, build the apps' bundles, run every test
	cargo test --workspace
	$(MAKE) bench-smoke

check: fmt clippy deny ## Format, lints, licences and who may know which library

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets -- -D warnings

deny:
	tests/deny.sh

bundles:
	tests/apps/build.sh

bench: ## Measure beside the peers, and write bench/results
	tests/prerequisites.sh bench
	tests/apps/build.sh nuxt3
	cargo build --release --workspace
	$(TARGET)/release/edgeplane-bench run

bench-smoke: ## See in two minutes whether every measurement runs and every byte is right
	cargo test -q --workspace --no-run
	$(TARGET)/debug/edgeplane-bench run --smoke

fuzz: ## Fuzz queries, patterns, rules, decoders and the workers' protocol for ten minutes (a part of `make test` for 20 s)
	fuzz/run.sh 600

.PHONY: prerequisites
prerequisites:
	tests/prerequisites.sh test
