#!/usr/bin/env bash
# Every test. Installs or builds what is missing, ends with what ran, with counts; nothing is skipped silently.
. "$(dirname "$0")/common.sh"
mkdir -p "$TARGET"
FAILED=()
PASSED=0; BROKEN=0; SKIPPED=0
export WINDFIRM_SKIPS=$TARGET/skips.log
: >"$WINDFIRM_SKIPS"
part() { # name, command…
  local name=$1; shift
  local began=$SECONDS
  if "$@"; then RESULT="passed"; else RESULT="FAILED"; FAILED+=("$name"); fi
  SUMMARY+=$(printf '  %-28s %s in %d s' "$name" "$RESULT" $((SECONDS - began)))$'\n'
}
SUMMARY=
part "lints" deploy/make/lint.sh
. deploy/make/cluster-up.sh
[ -z "$CLUSTER_FAILED" ] || { FAILED+=("a real Kubernetes"); SUMMARY+="  a real Kubernetes            FAILED to come up"$'\n'; }
part "tests of the crates" deploy/make/unit.sh
[ -x "$TARGET/debug/windfirm" ] && export WINDFIRM_BINARY=$TARGET/debug/windfirm
part "tests in a real browser" deploy/make/browser.sh
part "the Helm chart" deploy/make/chart.sh
installed() { # the portal as a pod, used there; 3: this machine cannot, and it has said why
  local code=0; deploy/make/chart-install.sh || code=$?
  [ "$code" != 3 ] || { skip "the chart, installed: this machine cannot have a Kubernetes"; return 0; }
  return "$code"
}
part "the chart, installed" installed

count() { # word, file → sum of the numbers before the word
  [ -f "$2" ] || { echo 0; return; }
  awk -v word="$1" '{ for (i = 1; i < NF; i += 1) { next_word = $(i + 1); sub(/[;,.]$/, "", next_word); if ($i ~ /^[0-9]+$/ && next_word == word) sum += $i } } END { print sum + 0 }' "$2"
}
# The browser's runner tells its counts twice; one line is enough.
grep '^browser: ' "$TARGET/browser.log" >"$TARGET/browser.counts" 2>/dev/null || true
for log in "$TARGET/unit.log" "$TARGET/browser.counts"; do
  PASSED=$((PASSED + $(count passed "$log"))); BROKEN=$((BROKEN + $(count failed "$log")))
done
SKIPS=$(sort -u "$WINDFIRM_SKIPS")
[ -n "$SKIPS" ] && SKIPPED=$(printf '%s\n' "$SKIPS" | wc -l)
printf '\nWhat ran (%d s):\n%s' $((SECONDS - STARTED)) "$SUMMARY"
[ -n "$SKIPS" ] && printf '\nSkipped, and why:\n%s\n' "$SKIPS"
# The end of a long log is what people read: what failed stands there again, with what it said.
BROKE=$({ grep -hE '^failed: ' "$TARGET/browser.log"; grep -hE '^test .* \.\.\. FAILED$' "$TARGET/unit.log"
  grep -hA 3 -E "^thread '.*' (\([0-9]+\) )?panicked at " "$TARGET/unit.log" | head -n 60; } 2>/dev/null || true)
[ ${#FAILED[@]} = 0 ] || [ -z "$BROKE" ] || printf '\nWhat failed:\n%s\n' "$BROKE"
[ ${#FAILED[@]} -gt 0 ] && [ "$BROKEN" = 0 ] && BROKEN=${#FAILED[@]}
printf '\n%d passed, %d failed, %d skipped\n' "$PASSED" "$BROKEN" "$SKIPPED"
[ ${#FAILED[@]} = 0 ] || fail "Failed: ${FAILED[*]}"
