#!/usr/bin/env bash
# Licences, sources and who may know which library, by deny.toml. cargo-deny is built once, unoptimised, because
# building it costs more than running it; a cargo-deny in PATH serves as well.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
deny=$(command -v cargo-deny || true)
if [ -z "$deny" ]; then
  tools=${CARGO_TARGET_DIR:-target}/tools
  deny=$tools/bin/cargo-deny
  if [ ! -x "$deny" ]; then
    cargo install cargo-deny --version "$version" --locked --debug --quiet --root "$tools" --target-dir "$tools/build"
    rm -rf "$tools/build"
  fi
fi
# Advisories are left out: their database is a repository in the network, and a build must not depend on today's news.
"$deny" check bans licenses sources
