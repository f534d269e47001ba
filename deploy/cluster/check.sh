#!/usr/bin/env bash
# Tries what `deploy/cluster/up.sh` promises: a ready node, the shop, a run with two runners made as the mapped account whose samples come
# to this machine, refusals, logs, the audit log.
# Leaves nothing behind but lines in that log. Ends with 1 where something is not so.
. "$(dirname "$0")/lib/settings.sh"
. "$CLUSTER/lib/machine.sh"
need_machine
[ -f "$STATE/built" ] && find_machine || fail "No cluster of this clone is up." "Run: deploy/cluster/up.sh"
BUILT=$(cat "$STATE/built") BIN=$(cat "$STATE/built")/bin
set_number "$(cat "$STATE/number")"
SPACE=shop-staging RUN=check-$$ WRONG=0 RECEIVER=
WORK=$(mktemp -d)
RUNS=/apis/k6.io/v1alpha1/namespaces/$SPACE/testruns

expect() { # what, what should be found, found
  if [[ $3 == *"$2"* ]]; then note "✓ $1"; else printf '\033[31m  ✗ %s\033[0m\n    expected: %s\n    found: %s\n' "$1" "$2" "$3" >&2; WRONG=1; fi
}
# Calls of the portal: --raw, because anything else first asks for the list of resources, which the account may not do in another's name.
as_portal() { "$BIN/kubectl" --cache-dir "$STATE/kubectl" --kubeconfig "$STATE/portal.kubeconfig" "$@" 2>&1 || true; }
as_account() { local account=$1; shift; as_portal --as "system:serviceaccount:$SPACE:$account" "$@"; }
image() { awk -v name="windfirm.local/$1:" 'index($1, name) == 1 { print $1 }' "$BUILT/images/list"; }
clean() {
  [ -z "$RECEIVER" ] || kill "$RECEIVER" 2>/dev/null || true
  as_account loadtest delete --raw "$RUNS/$RUN" >/dev/null
  as_account loadtest delete --raw "/api/v1/namespaces/$SPACE/configmaps/$RUN" >/dev/null
  rm -rf "$WORK"
}
trap clean EXIT

say "The cluster"
expect "the API server is Kubernetes 1.36" '"gitVersion": "v1.36.' "$(kubectl get --raw /version)"
expect "the node is ready" "Ready " "$(kubectl get nodes --no-headers)"
expect "every pod of it is ready" "none" "$(kubectl get deployments -A --no-headers | awk '{ split($3, n, "/") } n[1] != n[2] { print; found = 1 } END { if (!found) print "none" }')"
expect "the shop's Applications are there, each with a status" "27 of 27" \
  "$(kubectl get applications -A -o jsonpath='{range .items[*]}{.status.sync.status}{"\n"}{end}' | awk 'NF { n++ } END { print n " of " NR }')"
expect "their revision is the head of the shop's repository" "$(git -C "$STATE/shop" rev-parse HEAD)" \
  "$(kubectl -n argocd get application shop -o jsonpath='{.status.sync.revision}')"

say "Who may do what"
cat >"$WORK/script.json" <<EOF
{ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "$RUN" }, "data": { "test.js":
  "import http from 'k6/http'; export const options = { vus: 2, duration: '3s' }; export default () => { http.get(__ENV.TARGET + '/carts/1') }" } }
EOF
block() { # of a TestRun: image
  printf '{ "image": "%s", "imagePullPolicy": "Never", "serviceAccountName": "loadtest", "automountServiceAccountToken": "false", "metadata": { "labels": { "windfirm.dev/execution": "%s" } }, "resources": { "limits": { "memory": "256Mi" } }' "$(image "$1")" "$RUN"
}
pair() { printf '{ "name": "%s", "value": "%s" }, ' "$1" "$2"; }
setting() { pair TARGET "http://cart.$SPACE.svc.cluster.local"; pair K6_NO_USAGE_REPORT true; pair K6_AUTO_EXTENSION_RESOLUTION false; }
# What listens here takes the samples in the portal's place. Pods find it by the name that DNS gives this machine.
samples() {
  pair K6_OUT cloud; pair K6_CLOUD_HOST "http://portal.host:$PORT"; pair K6_CLOUD_PUSH_REF_ID "$RUN"; pair K6_CLOUD_TOKEN "token-of-$RUN"
  pair K6_CLOUD_TRACES_ENABLED false; pair K6_CLOUD_AGGREGATION_PERIOD 1s; pair K6_CLOUD_AGGREGATION_WAIT_PERIOD 1s; pair K6_CLOUD_METRIC_PUSH_INTERVAL 500ms
}
environment() { printf '"env": [%s]' "$(for part in "$@"; do $part; done | sed 's/, $//')"; }
"$BIN/receiver" -listen "$HOST_IP:0" -address "$WORK/address" >"$WORK/pushes" 2>"$WORK/receiver" &
RECEIVER=$!
for _ in $(seq 50); do [ -s "$WORK/address" ] && break; sleep 0.1; done
PORT=$(sed 's/.*://' "$WORK/address") || fail "Nothing could listen at $HOST_IP for the samples." "$(cat "$WORK/receiver")"
cat >"$WORK/run.json" <<EOF
{ "apiVersion": "k6.io/v1alpha1", "kind": "TestRun", "metadata": { "name": "$RUN" },
  "spec": { "parallelism": 2, "script": { "configMap": { "name": "$RUN", "file": "test.js" } },
    "starter": $(block starter) }, "initializer": $(block k6), $(environment setting) },
    "runner": $(block k6), "readinessProbe": { "httpGet": { "path": "/v1/status", "port": 6565 }, "periodSeconds": 1, "failureThreshold": 30 }, $(environment setting samples) } } }
EOF
expect "the portal may not create a run as itself" 'cannot create resource "testruns"' "$(as_portal create --raw "$RUNS" -f "$WORK/run.json")"
expect "nor as an account that is not its own" "cannot impersonate:serviceaccount" "$(as_account default create --raw "$RUNS" -f "$WORK/run.json")"
expect "nor read secrets as the mapped account" "cannot impersonate-on:serviceaccount:list" "$(as_account loadtest get --raw "/api/v1/namespaces/$SPACE/secrets")"
expect "but creates a ConfigMap as the mapped account" '"kind":"ConfigMap"' "$(as_account loadtest create --raw "/api/v1/namespaces/$SPACE/configmaps" -f "$WORK/script.json")"
expect "and a TestRun, strictly validated" '"kind":"TestRun"' "$(as_account loadtest create --raw "$RUNS?fieldValidation=Strict" -f "$WORK/run.json")"

say "A run with two runners"
BEGAN=$SECONDS STAGE='' LAST=''
while [ $((SECONDS - BEGAN)) -lt ${WINDFIRM_PATIENCE:-90} ]; do
  STAGE=$(as_account loadtest get --raw "$RUNS/$RUN" | sed -n 's/.*"stage":"\([a-z]*\)".*/\1/p')
  [ "$STAGE" = "$LAST" ] || note "  $STAGE after $((SECONDS - BEGAN)) s"
  LAST=$STAGE
  case $STAGE in finished | error) break ;; esac
  sleep 0.5
done
expect "it finishes" finished "$STAGE"
expect "both runners end with 0" "0 0" "$(kubectl -n $SPACE get pods -l "k6_cr=$RUN,runner=true" -o jsonpath='{.items[*].status.containerStatuses[0].state.terminated.exitCode}')"
LOGS=$(kubectl -n $SPACE logs -l "k6_cr=$RUN,runner=true" --tail=-1 2>&1) || true
expect "k6 reached the service by its name" "0.00% 0.00%" "$(sed -n 's/^ *http_req_failed[. ]*: \([0-9.]*%\).*/\1/p' <<<"$LOGS" | xargs)"
POD=$(kubectl -n $SPACE get pods -l "k6_cr=$RUN,runner=true" -o jsonpath='{.items[0].metadata.name}')
expect "the portal reads a runner's log as the mapped account" "http_reqs" "$(as_account loadtest get --raw "/api/v1/namespaces/$SPACE/pods/$POD/log")"
REQUESTS=$(awk '/^ *http_reqs[. ]*:/ { sub(/.*: */, ""); n += $1 } END { print n + 0 }' <<<"$LOGS")
expect "samples of both runners came here, all $REQUESTS requests of them" "token-of-$RUN: runners 1 2, $REQUESTS requests" "$(tail -n 1 "$WORK/pushes")"
expect "the audit log names the portal, the account and the run" '"code":201' \
  "$(grep '"verb":"create"' "$AUDIT" | grep '"resource":"testruns"' | grep "\"username\":\"system:serviceaccount:$SPACE:loadtest\"" | grep 'system:serviceaccount:windfirm:portal' | grep "\"$RUN\"")"

[ $WRONG = 0 ] || fail "Not everything is as it should be."
note "all is as it should be"
