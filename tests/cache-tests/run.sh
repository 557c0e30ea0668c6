#!/usr/bin/env bash
# Runs npm's http-cache-tests against the edge cache and writes docs/edge-cache-tests.md anew.
#
#   tests/cache-tests/run.sh [PATH OF EDGEPLANE]
#
# Fails where a required test fails that no reason is given for (reasons.mjs), or where a reason is given for a test that
# passes. Needs npm; what it installs is kept in the cargo target folder.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
target=${CARGO_TARGET_DIR:-$here/../../target}
edgeplane=${1:-$target/debug/edgeplane}
work=$target/cache-tests
mkdir -p "$work"
cd "$work"
[ -e package.json ] || npm init -y >/dev/null
npm install --no-fund --no-audit --loglevel=error --prefer-offline http-cache-tests@0.4.5 >&2

cd node_modules/http-cache-tests
free() { node -e 'const s = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })'; }
upstream=$(free)
edge=$(free)
export npm_config_protocol=http npm_config_port=$upstream npm_config_pidfile=$work/pid npm_config_id='' npm_package_config_id=''
node server/server.mjs >"$work/server.log" 2>&1 &
server=$!
EDGEPLANE_EDGE_CACHE_ENABLED=true "$edgeplane" serve --upstream "127.0.0.1:$upstream" --listen "127.0.0.1:$edge" \
  --admin off --log off --state-dir "$(mktemp -d)" 2>"$work/edgeplane.log" &
proxy=$!
trap 'kill $server $proxy 2>/dev/null || true' EXIT
until grep -q '^listening' "$work/edgeplane.log"; do
  kill -0 $proxy || { cat "$work/edgeplane.log" >&2; exit 1; }
  sleep 0.1
done
npm_config_base=http://127.0.0.1:$edge node --no-warnings cli.mjs >"$work/results.json"
node --no-warnings "$here/page.mjs" "$work" "$here/../../docs/edge-cache-tests.md"
