#!/usr/bin/env bash
# Finds what the build and the tests need besides Rust, and installs what is missing where it may.
#
#   tests/prerequisites.sh build   to compile: a C compiler, cmake, nasm (for the AVIF encoder)
#   tests/prerequisites.sh demo    ... and to build and run an app: Node 20 or later, npm
#   tests/prerequisites.sh test    ... and to test: curl, Chromium
set -euo pipefail

purpose=${1:-test}
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
has cmake || lack cmake
# The assembler is for x86 only; elsewhere the C compiler does its work.
if [ "$(uname -m)" = x86_64 ]; then has nasm || lack nasm; fi
if [ "$purpose" != build ]; then
  has node || lack nodejs
  has npm || lack npm nodejs-npm
fi
if [ "$purpose" = test ]; then
  has curl || lack curl
  has chromium chromium-browser google-chrome google-chrome-stable || lack chromium
fi

install() {
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    has sudo && sudo -n true 2>/dev/null || return 1
    root=(sudo -n)
  fi
  if has apt-get; then
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${apt[@]}" >&2
  elif has dnf; then
    "${root[@]}" dnf install -y -q "${dnf[@]}" >&2
  else
    return 1
  fi
}

if [ ${#apt[@]} -gt 0 ]; then
  say "missing: ${apt[*]}"
  if ! install; then
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
