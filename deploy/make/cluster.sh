#!/usr/bin/env bash
# Only the tests that need a Kubernetes. On the project's own (Linux, root), which is brought up if it is not, and left as it was found; or,
# with CLUSTER=context, on one that is there: see deploy/cluster/borrow.sh.
. "$(dirname "$0")/common.sh"
need_rust
K6=$(deploy/make/k6.sh)
if [ -n "${CLUSTER:-}" ]; then
  trap 'deploy/cluster/borrow.sh --return' EXIT
  deploy/cluster/borrow.sh "$CLUSTER"
  export WINDFIRM_TEST_CLUSTER=$ROOT/.windfirm/borrowed WINDFIRM_REQUIRE_CLUSTER=1
else
  . deploy/make/cluster-up.sh
  [ -z "$CLUSTER_FAILED" ] || fail "The Kubernetes for the tests did not come up." "What it waited for stands above; its logs are in .windfirm/cluster/log."
  [ -n "$WINDFIRM_TEST_CLUSTER" ] || exit 0
fi
deploy/cluster/runner-image.sh
say "Tests on a real Kubernetes"
export LEPTOS_OUTPUT_NAME=windfirm WINDFIRM_K6=$K6 WINDFIRM_REQUIRE_K6=1 INSTA_UPDATE=no
mkdir -p "$TARGET"
cargo test --target-dir "$TARGET" --no-fail-fast --test on_cluster --test runs --test cluster --test manifests 2>&1 | tee "$TARGET/cluster.log"
