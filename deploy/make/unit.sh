#!/usr/bin/env bash
# The tests of all crates: SQLite and a real PostgreSQL, the real k6. Writes what ran to $TARGET/unit.log.
. "$(dirname "$0")/common.sh"
need_rust
K6=$(deploy/make/k6.sh)
postgres() { ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || have initdb; }
REQUIRE_POSTGRES=1
if [ -z "${WINDFIRM_TEST_POSTGRES_URL:-}" ] && ! postgres; then
  debian_install "the store is tested on a real PostgreSQL" postgresql || { REQUIRE_POSTGRES=0; skip "the store on PostgreSQL: no server here; install postgresql 15 or newer, or set WINDFIRM_TEST_POSTGRES_URL"; }
fi
[ -z "${WINDFIRM_TEST_CLUSTER:-}" ] || deploy/cluster/runner-image.sh
say "Tests of the crates"
export LEPTOS_OUTPUT_NAME=windfirm WINDFIRM_K6=$K6 WINDFIRM_REQUIRE_K6=1 WINDFIRM_REQUIRE_POSTGRES=$REQUIRE_POSTGRES INSTA_UPDATE=no
# Tests on a cluster mostly wait for pods: there they run beside the others, in two lanes of programs that do not disturb one another.
# Both take part in server/cluster/tests/shared/cluster.rs::TestCluster::hold.
LANES=("--test cluster --test on_cluster" "--test runs --test manifests")
set +e
if [ -z "${WINDFIRM_TEST_CLUSTER:-}" ]; then
  cargo test --target-dir "$TARGET" --no-fail-fast 2>&1 | tee "$TARGET/unit.log"
  STATUS=${PIPESTATUS[0]}
else
  # The names are read from what cargo prints, so that it has to print them, and without colours.
  CARGO_TERM_COLOR=never CARGO_TERM_QUIET=false cargo test --target-dir "$TARGET" --no-run 2>&1 | tee "$TARGET/unit.log"
  STATUS=${PIPESTATUS[0]}
  if [ "$STATUS" = 0 ]; then
    RUNNING=()
    for index in "${!LANES[@]}"; do
      # shellcheck disable=SC2086 # the words of a lane
      cargo test --target-dir "$TARGET" --no-fail-fast ${LANES[$index]} >"$TARGET/lane-$index.log" 2>&1 &
      RUNNING+=($!)
    done
    # All others, by the names that cargo gives them: none can be forgotten.
    OTHERS=()
    while read -r name; do
      [[ " ${LANES[*]} " == *" --test $name "* ]] || OTHERS+=(--test "$name")
    done < <(sed -nE 's|^ +Executable tests/(.*)\.rs \(.*|\1|p' "$TARGET/unit.log" | sed 's|/main$||' | sort -u)
    [ "${#OTHERS[@]}" -ge 20 ] || fail "Cargo did not say which test programs there are." "Fewer than ten names were read from $TARGET/unit.log."
    cargo test --target-dir "$TARGET" --no-fail-fast --lib --bins --examples "${OTHERS[@]}" 2>&1 | tee -a "$TARGET/unit.log"
    [ "${PIPESTATUS[0]}" = 0 ] || STATUS=1
    cargo test --target-dir "$TARGET" --no-fail-fast --doc 2>&1 | tee -a "$TARGET/unit.log"
    [ "${PIPESTATUS[0]}" = 0 ] || STATUS=1
    for index in "${!LANES[@]}"; do
      wait "${RUNNING[$index]}" || STATUS=1
      tee -a "$TARGET/unit.log" <"$TARGET/lane-$index.log"
    done
  fi
fi
# By itself, because its dependencies have features of their own.
cargo test -p windfirm-oracle --target-dir "$TARGET" 2>&1 | tee -a "$TARGET/unit.log"
[ "${PIPESTATUS[0]}" = 0 ] || STATUS=1
[ -z "${WINDFIRM_SKIPS:-}" ] || grep -E '^skipped: ' "$TARGET/unit.log" >>"$WINDFIRM_SKIPS"
exit "$STATUS"
