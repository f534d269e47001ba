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
check "lints of what stands beside the default members" cargo clippy --target-dir "$TARGET" -p windfirm-oracle -p windfirm-front --all-targets --quiet -- -D warnings
check "direction of dependencies" deploy/make/direction.sh
check "style sheets (no colours outside tokens, no @import, no inline styles)" deploy/make/styles.sh

DENY_VERSION=0.20.2
DENY=$CACHE/cargo-deny-$DENY_VERSION/bin/cargo-deny
if have cargo-deny && [ "$(cargo-deny --version)" = "cargo-deny $DENY_VERSION" ]; then DENY=cargo-deny; fi
if [ "$DENY" != cargo-deny ] && [ ! -x "$DENY" ]; then
  say "Building cargo-deny $DENY_VERSION, once (a few minutes)"
  cargo install cargo-deny --version "=$DENY_VERSION" --root "$CACHE/cargo-deny-$DENY_VERSION" --target-dir "$CACHE/build" --quiet 2>"$CACHE/deny-install.log" || tail -n 3 "$CACHE/deny-install.log" >&2
  rm -rf "$CACHE/build"
fi
if [ -x "$DENY" ] || [ "$DENY" = cargo-deny ]; then
  check "licences, bans, sources (cargo deny)" "$DENY" --log-level warn check bans licenses sources
  # The advisory database is a Git repository on the network; without it there is nothing to check against.
  if timeout 60 "$DENY" fetch db >/dev/null 2>&1; then check "advisories (cargo deny)" "$DENY" --log-level warn check --disable-fetch advisories
  else skip "advisories (cargo deny): the advisory database cannot be fetched from here"; fi
else
  skip "cargo deny: it could not be built here"
fi
[ "$FAILED" = 0 ] || fail "Lints failed."
