#!/usr/bin/env sh
# Builds the example into examples/gallery/.amplify-hosting. Needs Node 20 or later and npm.
set -eu
cd "$(dirname "$0")"
npm install --no-fund --no-audit
npm run build
