#!/usr/bin/env bash
# Every fuzz target for a while: under libFuzzer where cargo-fuzz and a nightly toolchain are there, else by the loop
# that the tests run for a shorter time.
set -euo pipefail
cd "$(dirname "$0")/.."

seconds=${1:-600}
if cargo fuzz --version > /dev/null 2>&1 && cargo +nightly --version > /dev/null 2>&1; then
  targets=$(cargo +nightly fuzz list)
  for target in $targets; do
    cargo +nightly fuzz run "$target" -- -max_total_time=$((seconds / $(wc -w <<< "$targets"))) -max_len=65536
  done
else
  echo "no cargo-fuzz, or no nightly toolchain: the loop of the tests runs for $seconds seconds" >&2
  EDGEPLANE_FUZZ_SECONDS=$seconds cargo test -p edgeplane --test fuzz -- --nocapture
fi
