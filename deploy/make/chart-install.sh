#!/usr/bin/env bash
# Installs the portal by its chart into the Kubernetes of this clone, as deploy/docs/kubernetes.md says it, word by word, and uses it there: an
# image made here, PostgreSQL on this machine, the tree over Git's own protocol, the demo's identity provider beside it. Somebody logs in through the Service, launches a test, and reads the
# result; the client secret changes under the portal, which reads it in its own cluster; then the pod is killed, and nothing is lost. Ends with 1
# where something is not so, and takes everything away again.
#
# WINDFIRM_BINARY and WINDFIRM_SITE name what is built already. WINDFIRM_KEEP=1 leaves it all there.
. "$(dirname "$0")/common.sh"
# shellcheck source=deploy/make/chart-install/lib.sh
. deploy/make/chart-install/lib.sh
# shellcheck source=deploy/make/chart-install/page.sh
. deploy/make/chart-install/page.sh

# One that answers is taken as it is.
deploy/cluster/inside.sh kubectl get --raw /readyz >/dev/null 2>&1 || deploy/cluster/up.sh >/dev/null || { [ $? = 3 ] && exit 3; fail "Without a cluster nothing can be installed."; }
. deploy/cluster/lib/settings.sh
set_number "$(cat "$STATE/number")"
BUILT=$(cat "$STATE/built") BIN=$(cat "$STATE/built")/bin
HELM=$(deploy/make/helm.sh)
SPACE=windfirm WORK=$(mktemp -d) WRONG=0
PORTAL=7790 PROVIDER=7791   # of this machine, as the browser sees them
CLIENT_SECRET=demo-secret-for-loopback-only   # the one that the demo's provider takes, always
trap leave EXIT
leave_before

say "What the pod is made of"
TOLD=$(deploy/container/build.sh)
read -r IMAGE DIGEST TAR <<<"$TOLD"
import_image "$TAR" "$IMAGE" "$DIGEST"
git_image
postgres
git_daemon

say "Installing the chart, by the commands and files of $PAGE"
page_secrets
page_policy
page_values
page_install
ready "the pod is ready"
expect "pod security is enforced where it runs" restricted "$(kubectl get namespace $SPACE -o jsonpath='{.metadata.labels.pod-security\.kubernetes\.io/enforce}')"
expect "its image is pinned by digest" "$DIGEST" "$(portal_pod '{.spec.containers[0].image}')"
expect "its program runs in it" "windfirm " "$(kubectl -n $SPACE exec deployment/windfirm -c portal -- /opt/windfirm/bin/windfirm --version 2>&1)"
expect "and no shell does" "no such file" "$(kubectl -n $SPACE exec deployment/windfirm -c portal -- /bin/sh -c true 2>&1)"
expect "no volume of it has the client secret" "none" "$(portal_pod '{.spec.volumes}' | grep -o windfirm-oidc || echo none)"
expect "the portal reads that in the cluster, and may read no other" "yes no" "$(may_read windfirm-oidc) $(may_read windfirm-database)"
ADDRESS=$(kubectl -n $SPACE get service windfirm -o jsonpath='{.spec.clusterIP}'):8080
in_cluster() { inside curl -sS --max-time 20 "$@" 2>&1; }
expect "the Service answers with the login page" 'action="/login"' "$(in_cluster -H "Accept: text/html" -H "Host: 127.0.0.1:$PORTAL" "http://$ADDRESS/login")"
expect "and with the style sheet" "200 text/css" "$(in_cluster -o "$WORK/css" -w '%{http_code} %{content_type}' "http://$ADDRESS/pkg/windfirm.css")"
expect "every part of it is well" '"ready":true' "$(in_cluster "http://$ADDRESS/health/ready")"

say "Somebody uses it"
forward
log_in ana
expect "Ana sees the shop's tree, read from Git and from the cluster" "/shop/cart/" "$(page /tree)"
expect "and nothing of others" "none" "$(page /tree | grep -o '/search/[a-z]*/' | head -n 1 | grep . || echo none)"
RUN=$(launch "request[path]=/shop/cart/&request[test]=services/cart/k6/cart.js&request[profile]=load&request[vus]=4&request[duration]=10s&request[runners]=2&request[reason]=through the chart")
[[ $RUN =~ ^[0-9a-f-]{36}$ ]] || fail "She could not launch a test with two runners." "$RUN"
note "✓ she launches a test with two runners"
expect "the NetworkPolicy would let its runners deliver" "2 runners" "$(runners_let_in)"
expect "it passes" passed "$(ended "$RUN")"
expect "its TestRun was made as the mapped account" "system:serviceaccount:windfirm:portal as system:serviceaccount:shop-staging:loadtest" "$(who_made "$RUN")"
expect "nothing of it is left in the cluster" "none" "$(left)"

say "The rest of the page"
expect "k6 takes the test that it has you write" '"duration": "30s"' "$(page_test)"
expect "the account of the policy is good, as the command in the pod says" "shop-staging/loadtest  good" "$(page_preflight)"
page_secrets_for_tests
expect "the app shows the Secret of its tests" "pay-test-user" "$(shows /apps/shop/payments/ pay-test-user)"

say "The client secret changes"
BEFORE=$(restarts)
# The provider takes neither value. Two, because it is offered the one before as well.
change_client_secret wrong
change_client_secret wrong-again
visit_provider ben
expect "Ben is told why he cannot log in" "does not accept Windfirm" "$(browser -H "Accept: text/html" "$BACK")"
WHO=ana
expect "Ana is still logged in" "/shop/cart/" "$(page /tree)"
change_client_secret "$CLIENT_SECRET"
log_in ben
WHO=ana
expect "and so is Ana, still" "/shop/cart/" "$(page /tree)"
expect "and all that in the same pod, without a restart" "$BEFORE" "$(restarts)"

say "The pod is killed"
KILLED=$(portal_pod '{.metadata.name}')
kubectl -n $SPACE delete pod "$KILLED" --grace-period=0 --force >/dev/null 2>&1
another_ready "$KILLED"
forward
expect "Ana is still logged in, and the result is there" passed "$(ended "$RUN")"

[ $WRONG = 0 ] || fail "Not everything is as it should be." "The portal's log: $(kubectl -n $SPACE logs deployment/windfirm -c portal --tail=20 2>&1)"
note "all is as it should be"
