#!/usr/bin/env bash
# The measurements that need a real Kubernetes; their table goes into $TARGET/bench-cluster.md and to standard output.
#
# On the Kubernetes of `make cluster` (Linux, root), which is brought up for it and taken away again unless it was up; or on the one whose
# folder WINDFIRM_TEST_CLUSTER names. What follows is passed on, so that a part can be taken alone, or smaller:
#
#   deploy/make/bench-cluster.sh --parts preflight,launch --pairs 3
#   deploy/make/bench-cluster.sh --parts applications --applications 2000
#   deploy/make/bench-cluster.sh --parts clean        # takes away what an interrupted one has left
#
# Parts: preflight (--accounts), launch (--pairs), away, together (--runs), ingest (--runners), applications (--applications).
. "$(dirname "$0")/common.sh"
have git || fail "Git is missing." "The measurements lay out a repository of their own with it."
have node || fail "Node.js is missing." "The measurements are taken by small Node.js scripts. Install Node.js 20 or newer."
RESULT=$TARGET/bench-cluster.md
mkdir -p "$TARGET"
GIVEN=${WINDFIRM_TEST_CLUSTER:-}
if [ -n "$GIVEN" ]; then
  [ -f "$GIVEN/built" ] || fail "WINDFIRM_TEST_CLUSTER=$GIVEN is no folder of a Kubernetes of make cluster." "Run make cluster; its folder is .windfirm/cluster."
else
  . deploy/make/cluster-up.sh
  if [ -n "$CLUSTER_FAILED" ] || [ -z "$WINDFIRM_TEST_CLUSTER" ]; then
    echo "Not measured: there was no Kubernetes on this machine." >"$RESULT"
    [ -z "$CLUSTER_FAILED" ] || fail "The Kubernetes for the measurements did not come up." "What it waited for stands above; its logs are in .windfirm/cluster/log."
    skip "the measurements on a real Kubernetes: this machine cannot have one"
    exit 0
  fi
fi
K6=${WINDFIRM_K6:-$(deploy/make/k6.sh)}
[ -n "${WINDFIRM_SITE:-}" ] || deploy/make/front.sh
BINARY=${WINDFIRM_BINARY:-$(deploy/make/server.sh --release)}
say "Building what makes deliveries"
DELIVERIES=${WINDFIRM_DELIVERIES:-$(cargo bench -p windfirm-measure --bench deliveries --no-run --message-format=json --target-dir "$TARGET" 2>/dev/null \
  | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')}
[ -x "$DELIVERIES" ] || fail "The bench that makes deliveries was not built." "Try: cargo bench -p windfirm-measure --bench deliveries --no-run"
deploy/cluster/runner-image.sh
say "Measuring on a real Kubernetes"
node deploy/bench/cluster.mjs --cluster "$WINDFIRM_TEST_CLUSTER" --binary "$BINARY" --k6 "$K6" --site "${WINDFIRM_SITE:-$SITE}" --deliveries "$DELIVERIES" "$@" | tee "$RESULT"
