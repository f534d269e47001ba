#!/usr/bin/env bash
# `deploy/cluster/down.sh`: nothing of the cluster is left, but the cache.
. "$(dirname "$0")/lib/settings.sh"
. "$CLUSTER/lib/machine.sh"
. "$CLUSTER/lib/leave.sh"

need_machine
lock
if ! holder >/dev/null && [ ! -d "$STATE" ]; then note "No cluster of this clone is up."; exit 0; fi
say "Taking the cluster away"
take_down
note "gone; what was built stays in $CACHE/cluster"
