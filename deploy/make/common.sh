# Shared by the scripts beside it: where things are, how they speak, how a missing tool is had.
# Sourced, never run. It knows nothing of one machine.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
cd "$ROOT"

# Tools that are built once and used by many clones (k6, wasm-bindgen, Keycloak). A cold cache only costs time.
CACHE=${WINDFIRM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/windfirm}
mkdir -p "$CACHE"
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}
SITE=$TARGET/site
STARTED=${STARTED:-$SECONDS}

say() { printf '\033[1m▸ %s\033[0m\n' "$*" >&2; }
note() { printf '  %s\n' "$*" >&2; }
# What was left out, and why: said at once, and counted at the end by `make test`.
skip() { printf '  skipped: %s\n' "$*" >&2; [ -z "${WINDFIRM_SKIPS:-}" ] || printf 'skipped: %s\n' "$*" >>"$WINDFIRM_SKIPS"; }
fail() { printf '\033[31m✗ %s\033[0m\n' "$1" >&2; shift; for line in "$@"; do printf '  %s\n' "$line" >&2; done; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages where that is possible (Debian, root); says why. Returns 1 where it is not.
APT_READ=
debian_install() { # why package…
  local why=$1; shift
  have apt-get && [ "$(id -u)" = 0 ] || return 1
  local missing=()
  for package in "$@"; do dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package"); done
  [ ${#missing[@]} = 0 ] && return 0
  say "Installing ${missing[*]}: $why"
  if [ -z "$APT_READ" ]; then apt-get update -qq >/dev/null 2>&1 || true; APT_READ=1; fi
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$CACHE/apt.log" 2>&1 \
    || { tail -n 5 "$CACHE/apt.log" >&2; return 1; }
}

need_rust() {
  have cargo || fail "Rust is missing." "Install it from https://rustup.rs (no root needed), then run this again."
  local floor version
  floor=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
  version=$(rustc --version | awk '{print $2}')
  [ "$(printf '%s\n' "$floor" "$version" | sort -V | head -n 1)" = "$floor" ] \
    || fail "Rust $version is too old; $floor or newer is needed." "Run: rustup update stable"
  have cc || debian_install "the server links with it" gcc libc6-dev || fail "A C compiler is missing." "Install gcc or clang (Debian: apt-get install gcc libc6-dev)."
}
