#!/usr/bin/env bash
# Finds what the build and the tests need besides Rust, and installs what is missing where it may.
#
#   tests/prerequisites.sh build   to compile: C and C++ compilers, cmake, nasm, perl (for the AVIF encoder)
#   tests/prerequisites.sh demo    ... and to build and run an app: Node 20 or later, npm
#   tests/prerequisites.sh test    ... and to test: curl, openssl, Chromium, Redis or Valkey; the peers that a package brings
#   tests/prerequisites.sh bench   ... and to measure: the peers that are built, into `bench-tools` in the target folder
#
# A peer that cannot be installed is no reason to stop: the report says that it is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-test}
# Where distributions put servers, which is not in everybody's PATH.
PATH=$PATH:/usr/sbin:/sbin
say() { echo "prerequisites: $*" >&2; }
has() {
  local name
  for name in "$@"; do if command -v "$name" >/dev/null 2>&1; then return 0; fi; done
  return 1
}

# What is missing, as packages by the names of Debian and Ubuntu, and of Fedora and Amazon Linux.
apt=() dnf=()
lack() { apt+=($1) dnf+=(${2:-$1}); }

has cc || lack build-essential gcc
# The build files of the AVIF encoder ask for both, though what we take of it is C.
has c++ || lack build-essential gcc-c++
has perl || lack perl
has cmake || lack cmake
# The assembler is for x86 only; elsewhere the C compiler does its work.
if [ "$(uname -m)" = x86_64 ]; then has nasm || lack nasm; fi
if [ "$purpose" != build ]; then
  has node || lack nodejs
  has npm || lack npm nodejs-npm
fi
if [ "$purpose" = test ] || [ "$purpose" = bench ]; then
  has curl || lack curl
  has openssl || lack openssl
  has redis-server valkey-server redis6-server || lack redis-server redis6
  has chromium chromium-browser google-chrome google-chrome-stable || lack chromium
fi

# With the packages' names of Debian before, those of Fedora after the word `or`.
install() {
  local root=() apt=() dnf=() names=apt word
  for word in "$@"; do
    if [ "$word" = or ]; then names=dnf; elif [ $names = apt ]; then apt+=("$word"); else dnf+=("$word"); fi
  done
  if [ "$(id -u)" -ne 0 ]; then
    has sudo && sudo -n true 2>/dev/null || return 1
    root=(sudo -n)
  fi
  if has apt-get; then
    [ -n "${updated:-}" ] || "${root[@]}" apt-get update -qq
    updated=1
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${apt[@]}" >&2
  elif has dnf; then
    "${root[@]}" dnf install -y -q "${dnf[@]}" >&2
  else
    return 1
  fi
}

if [ ${#apt[@]} -gt 0 ]; then
  say "missing: ${apt[*]}"
  if ! install "${apt[@]}" or "${dnf[@]}"; then
    say "cannot install them; please do, as root:"
    say "  Debian, Ubuntu:        apt-get install ${apt[*]}"
    say "  Fedora, Amazon Linux:  dnf install ${dnf[*]}"
    exit 69
  fi
fi

if ! has cargo; then
  say "cargo is missing: install rustup (https://rustup.rs), it brings the toolchain that rust-toolchain.toml names"
  exit 69
fi
if [ "$purpose" != build ] && [ "$(node -p 'process.versions.node.split(".")[0]')" -lt 20 ]; then
  say "Node $(node --version) is too old: install Node 20 or later (https://nodejs.org)"
  exit 69
fi

# A peer's package. What it starts on the way is ended again: ports and cores belong to whoever uses the machine.
peer() {
  local program=$1 service=$2
  shift 2
  if has "$program"; then return 0; fi
  if ! install "$@"; then
    say "$program cannot be installed: it will be missing in the report"
  elif [ -n "$service" ] && [ -d /run/systemd/system ]; then
    systemctl disable --quiet --now "$service" 2>/dev/null || sudo -n systemctl disable --quiet --now "$service" || true
  fi
}

if [ "$purpose" = test ] || [ "$purpose" = bench ]; then
  peer nginx nginx nginx-light libnginx-mod-http-brotli-static libnginx-mod-http-brotli-filter or nginx
  peer haproxy haproxy haproxy or haproxy
  peer caddy caddy caddy or caddy
  peer strace "" strace or strace
  peer valgrind "" valgrind or valgrind
fi

# What no package brings, each once.
if [ "$purpose" = bench ]; then
  tools=${CARGO_TARGET_DIR:-target}/bench-tools
  mkdir -p "$tools"
  if [ ! -x "$tools/bin/static-web-server" ]; then
    cargo install static-web-server --version 2.44.1 --locked --quiet --no-default-features \
      --root "$tools" --target-dir "$tools/build" || say "static-web-server cannot be built: it will be missing"
    rm -rf "$tools/build"
  fi
  if [ ! -d "$tools/node_modules/ipx" ]; then
    npm install --no-fund --no-audit --no-save --loglevel=error --prefix "$tools" ipx@3.1.1 sharp@0.35.5 >&2 ||
      say "ipx and sharp cannot be installed: they will be missing"
  fi
  # Photographs, for those who measure; what cannot be had is drawn instead.
  if [ ! -d "$tools/photographs" ] && has apt-get dpkg-deb; then
    if (cd "$tools" && apt-get download -qq mate-backgrounds) >&2; then
      dpkg-deb -x "$tools"/mate-backgrounds_*.deb "$tools/photographs"
      rm -f "$tools"/mate-backgrounds_*.deb
    else
      say "no photographs: one will be drawn"
    fi
  fi
fi
