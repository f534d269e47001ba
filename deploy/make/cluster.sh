#!/usr/bin/env bash
# Only the tests that need a Kubernetes, on the project's own (Linux, root): brings it up if it is not, and leaves it as it was found.
. "$(dirname "$0")/common.sh"
need_rust
K6=$(deploy/make/k6.sh)
. deploy/make/cluster-up.sh
[ -z "$CLUSTER_FAILED" ] || fail "The Kubernetes for the tests did not come up." "What it waited for stands above; its logs are in .windfirm/cluster/log."
[ -n "$WINDFIRM_TEST_CLUSTER" ] || exit 0
say "Tests on a real Kubernetes"
export LEPTOS_OUTPUT_NAME=windfirm WINDFIRM_K6=$K6 WINDFIRM_REQUIRE_K6=1 INSTA_UPDATE=no
mkdir -p "$TARGET"
cargo test --target-dir "$TARGET" --no-fail-fast --test on_cluster --test runs --test cluster --test manifests 2>&1 | tee "$TARGET/cluster.log"
