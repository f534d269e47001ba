#!/usr/bin/env bash
# Both halves and k6.
. "$(dirname "$0")/common.sh"
deploy/make/k6.sh >/dev/null
deploy/make/front.sh
deploy/make/server.sh >/dev/null
