#!/usr/bin/env bash
# Measures, and writes BENCHMARKS.md: ratios and figures of one run, with the machine described.
# BENCH_CLUSTER has options for the part on a real Kubernetes, as `--applications 2000`; see bench-cluster.sh.
. "$(dirname "$0")/common.sh"
have git || fail "Git is missing." "The measurements add an app to the demo's repository with it."
have node || fail "Node.js is missing." "The measurements are taken by a small Node.js script. Install Node.js 20 or newer."
K6=$(deploy/make/k6.sh)
deploy/make/front.sh
BINARY=$(deploy/make/server.sh --release)
say "Deciding and merging (release)"
cargo bench -p windfirm-policy --bench decision --target-dir "$TARGET" 2>/dev/null | tee "$TARGET/bench-decision.txt" >&2
cargo bench -p windfirm-measure --bench merge --target-dir "$TARGET" 2>/dev/null | tee "$TARGET/bench-merge.txt" >&2
say "Percentiles against k6's own raw values"
WINDFIRM_K6=$K6 cargo bench -p windfirm-executor --bench accuracy --target-dir "$TARGET" 2>/dev/null | grep '^|' | tee "$TARGET/bench-accuracy.txt" >&2
say "On a real Kubernetes"
CLUSTER_WRONG=
WINDFIRM_BINARY=$BINARY WINDFIRM_SITE=$SITE WINDFIRM_K6=$K6 deploy/make/bench-cluster.sh ${BENCH_CLUSTER:-} >&2 || CLUSTER_WRONG=1
say "The demo: start, memory, launch, accuracy"
node deploy/make/bench.mjs "$BINARY" "$K6" "$SITE" "$TARGET" >BENCHMARKS.md
cat BENCHMARKS.md
# What is written says what could not be measured; the command says it too.
[ -z "$CLUSTER_WRONG" ] || fail "Not everything on Kubernetes could be measured." "What failed and why stands in the table above."
