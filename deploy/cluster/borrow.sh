#!/usr/bin/env bash
# `deploy/cluster/borrow.sh CONTEXT`: makes a cluster that somebody else runs (kind, k3d, minikube, any kubeconfig) ready for the tests:
# Argo CD's CRDs, k6-operator, the shop, the accounts. `borrow.sh --return` takes all of that away again.
#
# CLUSTER_HOST  the address at which pods reach this machine; found by itself for kind and k3d
# CLUSTER_LOAD  a command that brings an image to the nodes, run with the name of a tar behind it; known for kind, k3d and minikube
#
# It is for clusters to play with. Where a namespace or k6-operator is there already and is not from an earlier borrowing, it refuses.
. "$(dirname "$0")/lib/settings.sh"
. "$CLUSTER/lib/parts.sh"
STATE=$ROOT/.windfirm/borrowed ADMIN=$ROOT/.windfirm/borrowed/admin.kubeconfig
MARK=windfirm.dev/borrowed
SPACES="shop-dev shop-staging shop-prod search-staging argocd windfirm k6-operator-system"
DEFINITIONS="applications.argoproj.io applicationsets.argoproj.io appprojects.argoproj.io testruns.k6.io privateloadzones.k6.io"
wait_for() { # seconds what log command…
  local until=$((SECONDS + $1)) what=$2; shift 3
  until "$@" >/dev/null 2>&1; do [ $SECONDS -lt $until ] || fail "Waited in vain for $what." "$("$@" 2>&1 | tail -n 3)"; sleep 1; done
}

give_back() {
  [ -f "$ADMIN" ] || { note "Nothing is borrowed."; return 0; }
  BIN=$(cat "$STATE/built")/bin
  say "Giving the cluster back"
  # What holds for the whole cluster goes by the label; the rest goes with its namespaces.
  kubectl delete namespaces,customresourcedefinitions,clusterroles,clusterrolebindings,validatingadmissionpolicies,validatingadmissionpolicybindings,mutatingadmissionpolicies,mutatingadmissionpolicybindings \
    -l "$MARK" --ignore-not-found --timeout=180s >"$STATE/log/return.log" 2>&1 || fail "Not everything could be taken away." "$(tail -n 3 "$STATE/log/return.log")"
  rm -rf "$STATE"
  note "as it was, but for the images on its nodes"
}
if [ "${1:-}" = --return ]; then give_back; exit; fi

CONTEXT=${1:-}
[ -n "$CONTEXT" ] || fail "Which cluster?" "Name a context of your kubeconfig (\`kubectl config get-contexts\`): make cluster-test CLUSTER=kind-kind"
have python3 || fail "Python 3 is missing." "The kubeconfig is read with it. Install python3, then run this again."
BUILT=$("$CLUSTER/build.sh" --for-borrowed) BIN=$BUILT/bin
mkdir -p "$STATE/log"

say "Borrowing the cluster of $CONTEXT"
"$BIN/kubectl" config view --raw --flatten --minify --context "$CONTEXT" -o json >"$STATE/context" 2>"$STATE/log/context" \
  || fail "There is no context $CONTEXT." "$(tail -n 1 "$STATE/log/context")"
# A line for each part, as the tests read it.
python3 - "$STATE/context" >"$ADMIN" <<'PY'
import json, sys
view = json.load(open(sys.argv[1]))
line = lambda value: json.dumps(value)
cluster, user = view["clusters"][0]["cluster"], (view.get("users") or [{}])[0].get("user", {})
print("apiVersion: v1\nkind: Config\ncurrent-context: borrowed")
print("clusters: " + line([{"name": "borrowed", "cluster": cluster}]))
print("contexts: [{ name: borrowed, context: { cluster: borrowed, user: admin } }]")
print("users: " + line([{"name": "admin", "user": user}]))
PY
echo "$CONTEXT" >"$STATE/context"
chmod 600 "$ADMIN"
kubectl get --raw /readyz >"$STATE/log/ready" 2>&1 || fail "The API server of $CONTEXT does not answer." "$(tail -n 1 "$STATE/log/ready")"
[ "$(kubectl auth can-i '*' '*' --all-namespaces 2>/dev/null)" = yes ] || fail "You may not administer the cluster of $CONTEXT, and the tests make and delete accounts in it." "Use another context."
MINOR=$(kubectl get --raw /version | sed -n 's/.*"minor": "\([0-9]*\).*/\1/p')
[ "${MINOR:-0}" -ge 36 ] || fail "The cluster has Kubernetes 1.${MINOR:-?}." "The tests act as accounts call by call, which Kubernetes can from 1.36 on (ConstrainedImpersonation)."

for space in $SPACES; do
  [ -z "$(kubectl get namespace "$space" --ignore-not-found -o name)" ] || [ -n "$(kubectl get namespace -l "$MARK" --field-selector "metadata.name=$space" -o name)" ] \
    || fail "The cluster has a namespace $space already, and it is not from an earlier borrowing." "Nothing was changed. Use a cluster to play with, as \`kind create cluster\` makes one."
done
for crd in $DEFINITIONS; do
  [ -z "$(kubectl get crd "$crd" --ignore-not-found -o name)" ] || [ -n "$(kubectl get crd "$crd" -o jsonpath="{.metadata.labels.windfirm\\.dev/borrowed}")" ] \
    || fail "The cluster has $crd already, and it is not from an earlier borrowing." "Nothing was changed: the tests make and delete such objects, and somebody else's controller would see them. Use a cluster to play with."
done

gateway() { docker network inspect "$1" -f '{{range .IPAM.Config}}{{.Gateway}} {{end}}' 2>/dev/null | tr ' ' '\n' | grep -m 1 '^[0-9.]*$'; }
case $CONTEXT in
  kind-*) load() { kind load image-archive "$1" --name "${CONTEXT#kind-}"; }; FOUND=$(gateway kind || true) ;;
  k3d-*) load() { k3d image import "$1" --cluster "${CONTEXT#k3d-}"; }; FOUND=$(gateway "$CONTEXT" || true) ;;
  minikube) load() { minikube image load "$1"; }; FOUND= ;;
  *) load() { [ -n "${CLUSTER_LOAD:-}" ] || { echo "nothing says how"; return 1; }; $CLUSTER_LOAD "$1"; }; FOUND= ;;
esac
[ -z "${CLUSTER_LOAD:-}" ] || load() { $CLUSTER_LOAD "$1"; }
HOST_IP=${CLUSTER_HOST:-$FOUND}
[ -n "$HOST_IP" ] || fail "At which address do pods reach this machine?" "Name it: CLUSTER_HOST=192.168.1.10 make cluster-test CLUSTER=$CONTEXT"
echo "$HOST_IP" >"$STATE/address"
for tar in "$BUILT"/images/{k6,starter,standin,k6-operator}.tar; do
  load "$tar" >"$STATE/log/load" 2>&1 || fail "The image $(basename "$tar" .tar) could not be brought to the nodes." "$(tail -n 2 "$STATE/log/load")" \
    "Name a command that can: CLUSTER_LOAD='my-tool load' (it is given the name of a tar)."
done
# By name: digests are known only to nodes that pulled.
mkdir -p "$STATE/parts/images"
ln -sfn "$BIN" "$STATE/parts/bin"
cut -d' ' -f1 "$BUILT/images/list" >"$STATE/parts/images/list"
echo "$STATE/parts" >"$STATE/built"
note "images are on its nodes; pods reach this machine at $HOST_IP"

# Before anything is in them, so that whatever comes next finds them marked.
for space in $SPACES; do printf -- '---\n{ apiVersion: v1, kind: Namespace, metadata: { name: %s, labels: { %s: "1" } } }\n' "$space" "$MARK"; done \
  | kubectl apply --server-side --field-manager=borrow -f - >"$STATE/log/spaces" 2>&1 || fail "The namespaces could not be made." "$(tail -n 2 "$STATE/log/spaces")"
mark() { kubectl label --overwrite "$@" "$MARK=1" >/dev/null; }
crds; mark crd applications.argoproj.io applicationsets.argoproj.io appprojects.argoproj.io
operator; mark crd testruns.k6.io privateloadzones.k6.io
kubectl get clusterroles,clusterrolebindings -o name | { grep /k6-operator- || true; } | while read -r one; do mark "$one"; done
shop
access
mark clusterrole windfirm-portal; mark clusterrolebinding windfirm-portal
mark validatingadmissionpolicy windfirm-portal-testruns; mark validatingadmissionpolicybinding windfirm-portal-testruns
mark mutatingadmissionpolicy windfirm-portal-deadlines; mark mutatingadmissionpolicybinding windfirm-portal-deadlines
# The tests' portals listen at any port, and a network that enforces policies would keep runners from them.
kubectl get networkpolicies -A -l app.kubernetes.io/managed-by=windfirm-policy-render -o jsonpath='{range .items[*]}{.metadata.namespace} {.metadata.name}{"\n"}{end}' \
  | while read -r space name; do kubectl -n "$space" delete networkpolicy "$name" >/dev/null; done
for deployment in k6-operator-system/k6-operator-controller-manager {shop-dev,shop-staging,shop-prod,search-staging}/stand-in; do
  wait_for 180 "$deployment" none kubectl -n "${deployment%/*}" rollout status "deployment/${deployment#*/}" --timeout=5s
done
wait_for 400 "the quotas of runs to be counted" none quotas_counted
note "ready"
