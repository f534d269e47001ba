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
set +e
cargo test --target-dir "$TARGET" --no-fail-fast 2>&1 | tee "$TARGET/unit.log"
STATUS=${PIPESTATUS[0]}
# By itself, because its dependencies have features of their own.
cargo test -p windfirm-oracle --target-dir "$TARGET" 2>&1 | tee -a "$TARGET/unit.log"
[ "${PIPESTATUS[0]}" = 0 ] || STATUS=1
[ -z "${WINDFIRM_SKIPS:-}" ] || grep -E '^skipped: ' "$TARGET/unit.log" >>"$WINDFIRM_SKIPS"
exit "$STATUS"
