#!/usr/bin/env bash
# The pinned Helm, for the tests of the chart. Taken from PATH when it is that version, else built from deploy/helm/go.mod (hashes in go.sum).
# Prints the path of the binary on standard output.
. "$(dirname "$0")/common.sh"

VERSION=$(sed -n 's/^.*helm\.sh\/helm\/v4 \(v[0-9.]*\).*/\1/p' deploy/helm/go.mod | head -n 1)
# What one builds with Go alone tells no version of its own; the module's stands in the binary.
is_pinned() { [ "$("$1" version --template '{{ .Version }}' 2>/dev/null)" = "$VERSION" ]; }

BUILT=$CACHE/helm-$VERSION/helm
if [ -x "$BUILT" ]; then
  echo "$BUILT"
elif have helm && is_pinned helm; then
  command -v helm
elif have go; then
  say "Building Helm $VERSION with Go, once (some minutes)"
  mkdir -p "$(dirname "$BUILT")"
  (cd deploy/helm && GOWORK=off CGO_ENABLED=0 nice -n 10 go build -mod=readonly -buildvcs=false -trimpath \
    -ldflags "-s -w -X helm.sh/helm/v4/internal/version.version=$VERSION" -o "$BUILT.new" helm.sh/helm/v4/cmd/helm) >&2
  is_pinned "$BUILT.new" || fail "The Helm that was built is not $VERSION."
  mv "$BUILT.new" "$BUILT"
  echo "$BUILT"
else
  fail "Helm $VERSION is missing, and there is no Go to build it with." \
    "Install Helm $VERSION (https://helm.sh/docs/intro/install/) or Go 1.26 or newer (https://go.dev/dl/), then run this again."
fi
