#!/usr/bin/env bash
# Puts the runner image of this clone into the cluster of `make cluster`, or into the one whose folder WINDFIRM_TEST_CLUSTER names. Its name
# with its digest is then in runner-image in that folder, where tests and measurements look for it. It is no part of what up.sh builds once:
# it changes with the code. WINDFIRM_RUNNER_BINARY names a runner that is built already.
. "$(dirname "$0")/lib/settings.sh"
. "$CLUSTER/lib/machine.sh"
STATE=${WINDFIRM_TEST_CLUSTER:-$STATE}
[ -f "$STATE/built" ] || fail "There is no cluster in $STATE." "Run: deploy/cluster/up.sh"
if [ -f "$STATE/context" ]; then
  skip "the runner image: nodes that belong to somebody else know images by no digest"
  exit 0
fi
need_machine
find_machine || fail "The cluster of $STATE is not up." "Run: deploy/cluster/up.sh"
TOLD=$(deploy/container/runner.sh --profile dev)
read -r NAME DIGEST TAR <<<"$TOLD"
PINNED=${NAME%:*}@$DIGEST
CTR=$(cat "$STATE/built")/bin/ctr
if [ -z "$(inside "$CTR" -n k8s.io images ls -q "name==$PINNED")" ]; then
  # Known by its digest alone: another clone's image of the same name stays what it is.
  inside "$CTR" -n k8s.io images import --snapshotter overlayfs "$TAR" >"$STATE/log/runner-image.log" 2>&1 \
    || fail "containerd did not take the runner image." "$(tail -n 2 "$STATE/log/runner-image.log")"
  inside "$CTR" -n k8s.io images tag --force "$NAME" "$PINNED" >>"$STATE/log/runner-image.log" 2>&1
fi
echo "$PINNED" >"$STATE/runner-image"
note "the cluster has $PINNED"
