# Thin recipes: whatever needs an `if` is a script or Rust.
.NOTPARALLEL:
.PHONY: help demo test check fmt clippy deny bundles bench

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1	/p' $(MAKEFILE_LIST) | expand -t 12

demo: ## Build the example app, a gallery, and serve it on http://127.0.0.1:8080
	tests/prerequisites.sh demo
	cargo build --release -p edgeplane
	examples/gallery/build.sh
	cargo run --release -q -p edgeplane -- serve examples/gallery

test: prerequisites check bundles ## Everything: check, build the apps' bundles, run every test
	cargo test --workspace

check: fmt clippy deny ## Format, lints, licences and who may know which library

fmt:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets -- -D warnings

deny:
	tests/deny.sh

bundles:
	tests/apps/build.sh

bench: ## Measure beside the peers
	tests/prerequisites.sh demo
	cargo run --release -p edgeplane-bench

.PHONY: prerequisites
prerequisites:
	tests/prerequisites.sh test
