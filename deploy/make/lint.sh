#!/usr/bin/env bash
# Formatting, lints, bans, direction of dependencies, dependency advisories and licences, style sheets, shell scripts.
. "$(dirname "$0")/common.sh"
need_rust
FAILED=0
check() { # name, command…
  local name=$1; shift
  if "$@" >"$CACHE/lint.log" 2>&1; then note "✓ $name"; else printf '\033[31m  ✗ %s\033[0m\n' "$name" >&2; tail -n 60 "$CACHE/lint.log" >&2; FAILED=1; fi
}
say "Lints"
check "formatting (cargo fmt)" cargo fmt --all --check
check "lints and bans (clippy, warnings are errors)" env LEPTOS_OUTPUT_NAME=windfirm cargo clippy --target-dir "$TARGET" --all-targets --quiet -- -D warnings
check "direction of dependencies" deploy/make/direction.sh
check "style sheets (no colours outside tokens, no @import, no inline styles)" deploy/make/styles.sh

DENY_VERSION=0.20.2
DENY=$CACHE/cargo-deny/bin/cargo-deny
have cargo-deny && DENY=cargo-deny
if [ "$DENY" != cargo-deny ] && [ ! -x "$DENY" ]; then
  say "Building cargo-deny, once (a few minutes)"
  cargo install cargo-deny --root "$CACHE/cargo-deny" --target-dir "$CACHE/build" --quiet 2>"$CACHE/deny-install.log" || tail -n 3 "$CACHE/deny-install.log" >&2
  rm -rf "$CACHE/build"
fi
if [ -x "$DENY" ] || [ "$DENY" = cargo-deny ]; then
  check "licences, bans, sources (cargo deny)" "$DENY" --log-level warn check bans licenses sources
  # The advisory database is a Git repository on the network; without it there is nothing to check against.
  if timeout 60 "$DENY" fetch db >/dev/null 2>&1; then check "advisories (cargo deny)" "$DENY" --log-level warn check --disable-fetch advisories
  else printf '  skipped: advisories (cargo deny): the advisory database cannot be fetched from here\n' >&2; fi
else
  printf '  skipped: cargo deny: it could not be built here\n' >&2
fi
[ "$FAILED" = 0 ] || fail "Lints failed."
