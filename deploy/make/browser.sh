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
# Keycloak comes from Maven Central; where Java and Maven are at hand, its test may not be skipped.
java_fits() { local version; version=$(java -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1); [ "${version:-0}" -ge 17 ]; }
java_fits && have mvn || debian_install "the log-in is tested against a real Keycloak" openjdk-17-jre-headless maven || true
java_fits && have mvn && export WINDFIRM_REQUIRE_KEYCLOAK=1
say "Tests in a real browser"
(cd end2end && npm ci --silent --no-audit --no-fund)
export WINDFIRM_CHROMIUM=$CHROMIUM WINDFIRM_BINARY=$BINARY WINDFIRM_SITE=$SITE WINDFIRM_K6=$K6 WINDFIRM_CACHE=$CACHE
set +e
(cd end2end && npx playwright test "${@/%/.spec}") 2>&1 | tee "$TARGET/browser.log"
STATUS=${PIPESTATUS[0]}
[ -z "${WINDFIRM_SKIPS:-}" ] || grep -E '^skipped: ' "$TARGET/browser.log" >>"$WINDFIRM_SKIPS"
exit "$STATUS"
