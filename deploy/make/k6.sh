#!/usr/bin/env bash
# The pinned, stock k6. Taken from PATH when it is that version, else built from deploy/k6/go.mod (hashes in go.sum).
# Prints the path of the binary on standard output.
. "$(dirname "$0")/common.sh"

VERSION=$(sed -n 's/^.*go\.k6\.io\/k6\/v2 \(v[0-9.]*\).*/\1/p' deploy/k6/go.mod | head -n 1)
is_pinned() { "$1" version 2>/dev/null | grep -qE "k6(\.exe)? $VERSION( |$)"; }

BUILT=$CACHE/k6-$VERSION/k6
if [ -n "${WINDFIRM_K6:-}" ]; then
  is_pinned "$WINDFIRM_K6" || fail "WINDFIRM_K6=$WINDFIRM_K6 is not k6 $VERSION." "Unset it, or point it at that version."
  echo "$WINDFIRM_K6"
elif [ -x "$BUILT" ] && is_pinned "$BUILT"; then
  echo "$BUILT"
elif have k6 && is_pinned k6; then
  command -v k6
elif have go; then
  say "Building k6 $VERSION with Go, once (about a minute)"
  mkdir -p "$(dirname "$BUILT")"
  (cd deploy/k6 && GOFLAGS=-mod=mod CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o "$BUILT.new" go.k6.io/k6/v2) >&2 && mv "$BUILT.new" "$BUILT"
  is_pinned "$BUILT" || fail "The k6 that was built is not $VERSION."
  echo "$BUILT"
else
  fail "k6 $VERSION is missing, and there is no Go to build it with." \
    "Install k6 $VERSION (https://grafana.com/docs/k6/latest/set-up/install-k6/) or Go 1.25 or newer (https://go.dev/dl/), then run this again."
fi
