#!/usr/bin/env bash
# Builds what is missing, then serves the demo: one process tree, SQLite, a demo identity provider, a real shop, real k6.
. "$(dirname "$0")/common.sh"
K6=$(deploy/make/k6.sh)
# Side by side: each half ends in a long link on one core, which leaves the other to the other half.
deploy/make/front.sh & FRONT=$!
trap 'kill "$FRONT" 2>/dev/null || true' EXIT
BINARY=$(deploy/make/server.sh)
wait "$FRONT"
trap - EXIT
exec env LEPTOS_OUTPUT_NAME=windfirm "$BINARY" demo --site "$SITE" --k6 "$K6" --state .windfirm/demo "$@"
