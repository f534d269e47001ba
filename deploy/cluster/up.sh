#!/usr/bin/env bash
# `deploy/cluster/up.sh`: a real Kubernetes on this machine, with the k6-operator, Argo CD's CRDs and the shop in it. See README.md.
# Run again it repairs what is broken, puts back what is missing, and leaves the rest alone.
. "$(dirname "$0")/lib/settings.sh"
. "$CLUSTER/lib/machine.sh"
. "$CLUSTER/lib/leave.sh"
. "$CLUSTER/lib/control-plane.sh"
. "$CLUSTER/lib/node.sh"
. "$CLUSTER/lib/parts.sh"

need_machine
lock
need_tools
BUILT=$("$CLUSTER/build.sh")
BIN=$BUILT/bin
BEGAN=$(date +%s%N)

step() { # what command…
  local began=$(($(date +%s%N) / 1000000)); local what=$1; shift
  "$@"
  local took=$(($(date +%s%N) / 1000000 - began))
  note "$(printf '%-58s %2d.%d s' "$what" $((took / 1000)) $((took % 1000 / 100)))"
}

# Anew where there is none, where it was built from other pins, where its certificates end today, and after a restart of this machine.
fresh() {
  take_down
  mkdir -p "$STATE"/{log,pid,etcd,containerd}
  set_number "$(free_number)"
  echo "$NUMBER" >"$STATE/number"
  modprobe -a overlay br_netfilter 2>/dev/null || true
  "$CLUSTER/pki.sh"
  make_machine
  # The last word: without it the next run begins anew.
  echo "$BUILT" >"$STATE/built"
}

usable() {
  find_machine && [ "$(cat "$STATE/built" 2>/dev/null)" = "$BUILT" ] && [ -f "$ADMIN" ] \
    && ip link show "windfirm$(cat "$STATE/number")" >/dev/null 2>&1 \
    && openssl x509 -checkend 86400 -noout -in "$STATE/pki/admin.crt" >/dev/null
}

if usable; then
  say "The cluster of this clone is up; looking after it"
  set_number "$(cat "$STATE/number")"
else
  say "Bringing up Kubernetes $("$BIN/kubectl" version --client -o yaml | sed -n 's/^  gitVersion: //p') in $STATE"
  step "namespaces, link, certificates" fresh
fi
echo "$HOST_IP" >"$STATE/address"
step "control plane: etcd, API server, controllers, scheduler" control_plane
step "node: containerd, images, kubelet, kube-proxy" node
wait_for 120 "the end of what is being deleted (kubectl get namespaces,crds)" kube-controller-manager nothing_goes
step "DNS" dns
step "Argo CD's CRDs" crds
step "k6-operator" operator
step "the shop: repository, Applications, Services" shop
step "accounts of the portal and of the runs" access
step "all pods ready" settled

say "Kubernetes is up, $((($(date +%s%N) - BEGAN) / 1000000000)) s"
cat <<EOF
  export KUBECONFIG=$ADMIN
  $BIN/kubectl get applications -A

  as the portal's own account    $STATE/portal.kubeconfig
  the API server's audit log     $AUDIT
  the shop's repository          $STATE/shop
  images for TestRuns            $(image k6), $(image starter) (imagePullPolicy: Never)
  this machine, seen from a pod  $HOST_IP, or portal.host
  logs of every process          $STATE/log

  deploy/cluster/check.sh tries it; deploy/cluster/down.sh takes it away.
EOF
