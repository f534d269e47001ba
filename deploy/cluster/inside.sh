#!/usr/bin/env bash
# `deploy/cluster/inside.sh COMMAND…` runs a command in the cluster's namespaces, with its programs at hand:
# `inside.sh kubectl get pods -A`, `inside.sh ctr -n k8s.io images ls`, `inside.sh iptables-save`. Paths must be absolute.
. "$(dirname "$0")/lib/settings.sh"
. "$CLUSTER/lib/machine.sh"
need_machine
[ $# -gt 0 ] || fail "What is to be run inside?" "For example: deploy/cluster/inside.sh kubectl get pods -A"
[ -f "$STATE/built" ] && find_machine || fail "No cluster of this clone is up." "Run: deploy/cluster/up.sh"
inside env "PATH=$(cat "$STATE/built")/bin:$PATH" "KUBECONFIG=$ADMIN" "KUBECACHEDIR=$STATE/kubectl" "$@"
