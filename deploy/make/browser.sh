#!/usr/bin/env bash
# The program as people use it: Playwright in a real Chromium against a real demo, and a real Keycloak.
. "$(dirname "$0")/common.sh"
have node || fail "Node.js is missing." "The browser tests run on it. Install Node.js 20 or newer (https://nodejs.org), then run this again."
CHROMIUM=${WINDFIRM_CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
if [ -z "$CHROMIUM" ]; then
  debian_install "the browser tests need a real browser" chromium || fail "Chromium is missing." "Install Chromium or Chrome, or set WINDFIRM_CHROMIUM."
  CHROMIUM=$(command -v chromium)
fi
K6=$(deploy/make/k6.sh)
deploy/make/front.sh
# The test command has built the program already; building it alone would compile its dependencies a second time.
BINARY=${WINDFIRM_BINARY:-$(deploy/make/server.sh)}
say "Tests in a real browser"
# Specs that were never seen green as a whole on an idle machine do not decide yet; `make browser` runs any of them by name.
OPEN=()
if [ $# = 0 ]; then
  while read -r spec why; do case $spec in ''|'#'*) ;; *) OPEN+=("$spec"); SKIPS+="skipped: end2end/specs/$spec.spec.ts: $why"$'\n' ;; esac; done <end2end/open.txt
  set -- $(cd end2end/specs && ls *.spec.ts | sed 's/\.spec\.ts$//' | grep -vxF "$(printf '%s\n' "${OPEN[@]:-none}")")
fi
(cd end2end && npm ci --silent --no-audit --no-fund)
export WINDFIRM_CHROMIUM=$CHROMIUM WINDFIRM_BINARY=$BINARY WINDFIRM_SITE=$SITE WINDFIRM_K6=$K6 WINDFIRM_CACHE=$CACHE
set +e
(cd end2end && npx playwright test "${@/%/.spec}") 2>&1 | tee "$TARGET/browser.log"
STATUS=${PIPESTATUS[0]}
printf '%s' "${SKIPS:-}" | tee -a "$TARGET/browser.log"
exit "$STATUS"
