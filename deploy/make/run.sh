#!/usr/bin/env bash
# Builds what is missing, then serves the demo: one process tree, SQLite, a demo identity provider, a real shop, real k6.
. "$(dirname "$0")/common.sh"
K6=$(deploy/make/k6.sh)
deploy/make/front.sh
BINARY=$(deploy/make/server.sh)
exec env LEPTOS_OUTPUT_NAME=windfirm "$BINARY" demo --site "$SITE" --k6 "$K6" --state .windfirm/demo "$@"
