#!/usr/bin/env bash
# Builds the real bundles that the tests serve, each into OUT/NAME, and skips what is up to date.
#
#   tests/apps/build.sh            all of them
#   tests/apps/build.sh nuxt3      only these
#
# `gallery` is the app in examples/; the others lie beside this file. OUT is $EDGEPLANE_BUNDLES, else `bundles` in the cargo target folder. Needs npm and Node 20; Node 22, which two of
# the frameworks ask for, comes from npm. The bundles lie outside the source tree, because Node looks for packages in
# every parent folder and would hide that a bundle lacks them.
set -euo pipefail

apps=$(cd "$(dirname "$0")" && pwd)
out=${EDGEPLANE_BUNDLES:-${CARGO_TARGET_DIR:-$apps/../../target}/bundles}
mkdir -p "$out"
out=$(cd "$out" && pwd)
work=$out/.work

# The bundles by app; an app is installed once for all its bundles.
declare -A bundles=(
  [nuxt3]="nuxt3 nuxt3-base nuxt3-generate"
  [nitro2]="nitro2 nitro2-variant"
  [astro7]="astro7"
  [sveltekit2]="sveltekit2 sveltekit2-precompress"
  [gallery]="gallery"
)

say() { echo "build.sh: $*" >&2; }

source_of() { if [ "$1" = gallery ]; then echo "$apps/../../examples/gallery"; else echo "$apps/$1"; fi; }

# The files of an app that are its source: the app may have been built in place, too.
sources() {
  (cd "$(source_of "$1")" && find . -type f -not -path './node_modules/*' -not -path './.*' \
    -not -path './public/pictures/*' -print0 | sort -z)
}

# What a bundle is made of: its app's sources, the pictures, the Node for it and this file.
stamp() {
  local part
  {
    for part in "$1" pictures node22; do (cd "$(source_of "$part")" && sources "$part" | xargs -0 sha256sum); done
    sha256sum <"$apps/build.sh"
  } | sha256sum
}

fresh() { [ -e "$out/$2" ] && [ "$(cat "$out/$2.stamp" 2>/dev/null)" = "$(stamp "$1")" ]; }

install_packages() { npm install --no-fund --no-audit --loglevel=error --prefer-offline >&2; }

# Copies an app's sources to its place of work, where what npm installed before is kept.
prepare() {
  mkdir -p "$work/$1"
  find "$work/$1" -mindepth 1 -maxdepth 1 -not -name node_modules -exec rm -rf {} +
  sources "$1" | tar -C "$(source_of "$1")" --null -T - -cf - | tar -C "$work/$1" -xf -
  (cd "$work/$1" && install_packages)
}

# Node 22 or later, from PATH or from npm, first in PATH.
use_node22() {
  local major
  major=$(node -p 'process.versions.node.split(".")[0]' 2>/dev/null || echo 0)
  if [ "$major" -lt 22 ]; then PATH=$(dirname "$(readlink -f "$out/node22")"):$PATH; fi
}

# Moves what the framework emitted to where the tests look, and leaves the stamp last.
keep() {
  local app=$1 name=$2 emitted=$3
  rm -rf "${out:?}/$name" "$out/$name.stamp"
  mv "$emitted" "$out/$name"
  stamp "$app" >"$out/$name.stamp"
}

build_nuxt3() {
  local emitted=.amplify-hosting
  export NITRO_PRESET=aws_amplify NUXT_TELEMETRY_DISABLED=1
  case $1 in
    nuxt3) npx nuxt build ;;
    nuxt3-base) BASE_URL=/base-path/ npx nuxt build ;;
    nuxt3-generate) npx nuxt generate ;;
  esac >&2
  keep nuxt3 "$1" $emitted
}

build_nitro2() {
  case $1 in
    nitro2) npx nitropack build ;;
    nitro2-variant) VARIANT=1 FALLTHROUGH=1 COMPRESS=1 npx nitropack build ;;
  esac >&2
  keep nitro2 "$1" .amplify-hosting
}

# The adapter leaves the packages to the deployer; hard links spare a copy of 170 MB.
build_astro7() {
  MY_RUNTIME_VAR='hello env' npx astro build >&2
  cp -al node_modules .amplify-hosting/compute/default/ 2>/dev/null ||
    cp -a node_modules .amplify-hosting/compute/default/
  keep astro7 "$1" .amplify-hosting
}

build_sveltekit2() {
  case $1 in
    sveltekit2) npx vite build ;;
    sveltekit2-precompress) PRECOMPRESS=1 npx vite build ;;
  esac >&2
  keep sveltekit2 "$1" build
}

build_gallery() {
  npm run build >&2
  keep gallery "$1" .amplify-hosting
}

build_app() {
  local app=$1 name began=$SECONDS
  shift
  case $app in astro7 | sveltekit2) use_node22 ;; esac
  prepare "$app"
  [ "$app" = gallery ] || node "$work/pictures/generate.mjs" "$app" "$work/$app"
  cd "$work/$app"
  for name in "$@"; do
    rm -rf .amplify-hosting build .nuxt .svelte-kit
    "build_$app" "$name"
  done
  say "$app: $* in $((SECONDS - began)) s"
}

# One build at a time on a machine; the second finds everything fresh.
exec 9>"$out/.lock"
flock 9

# The bundles asked for that are not fresh, by app.
declare -A stale=()
for app in "${!bundles[@]}"; do
  for name in ${bundles[$app]}; do
    if [ $# -gt 0 ] && [[ " $* " != *" $name "* ]]; then continue; fi
    fresh "$app" "$name" || stale[$app]+="$name "
  done
done
for name in "$@"; do
  [[ " ${bundles[*]} " == *" $name "* ]] || { say "no bundle is called $name; there are: ${bundles[*]}"; exit 64; }
done

if [ ! -x "$out/node22" ]; then
  prepare node22
  ln -sfn "$(ls "$work"/node22/node_modules/node-linux-*/bin/node)" "$out/node22"
fi
if [ ${#stale[@]} -eq 0 ]; then exit 0; fi
prepare pictures

# Two lanes: Nuxt's packages take as long as all others together. A lane is a background job, because `set -e` is
# without effect in anything that is followed by `||`.
lane() {
  for app in "$@"; do
    if [ -n "${stale[$app]:-}" ]; then (build_app "$app" ${stale[$app]}) >"$work/$app.log" 2>&1; fi
  done
}
rm -f "$work"/*.log
lane nuxt3 & first=$!
lane astro7 nitro2 sveltekit2 gallery & second=$!
failed=0
wait $first || failed=1
wait $second || failed=1
for app in "${!stale[@]}"; do
  grep -hs '^build.sh:' "$work/$app.log" >&2 || { say "$app was not built:"; tail -40 "$work/$app.log" >&2 || true; }
done
exit $failed
