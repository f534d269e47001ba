# The one node: containerd, kubelet, kube-proxy, its images and its network. Sourced after machine.sh, never run.

node() {
  local folder=$STATE/node image
  mkdir -p "$folder/network"
  for file in containerd.toml kubelet.yaml kube-proxy.yaml; do fill "$CLUSTER/node/$file" >"$folder/$file"; done
  fill "$CLUSTER/node/network.conflist" >"$folder/network/10-windfirm.conflist"
  # Names outside the cluster lead nowhere: pods ask CoreDNS, and CoreDNS asks nobody.
  echo "nameserver 127.0.0.1" >"$folder/resolv.conf"
  make_cgroups

  start containerd --config "$folder/containerd.toml" --address /run/containerd/containerd.sock --log-level warn
  wait_for 90 "containerd" containerd inside "$BIN/ctr" version
  for image in "$BUILT"/images/*.tar; do import "$image"; done

  # A Service that kube-proxy does not know yet must refuse at once. Otherwise its first packet goes astray, connection tracking keeps it
  # there, and the operator, which has one worker and no timeout of its own, waits 30 seconds for it.
  for chain in OUTPUT FORWARD; do
    inside iptables -w -C $chain -d "$SERVICES" -j REJECT 2>/dev/null || inside iptables -w -A $chain -d "$SERVICES" -j REJECT
  done
  start kube-proxy --config "$folder/kube-proxy.yaml"
  # It tells the API server of its node once, when it starts.
  node_is_known || stop kubelet
  start kubelet --config "$folder/kubelet.yaml" --kubeconfig "$STATE/kubelet.kubeconfig" --hostname-override "$NODE" --node-ip "$NODE_IP" \
    --root-dir /var/lib/kubelet --cert-dir "$folder/certificates"
  wait_for 180 "the node to be ready" kubelet node_is_ready
}

node_is_known() { [ -n "$(kubectl get node "$NODE" --ignore-not-found -o name)" ]; }
node_is_ready() {
  [ "$(kubectl get node "$NODE" -o jsonpath='{.status.conditions[?(@.type=="Ready")].status}')" = True ]
}

# Images are also known by their digest, as a run that pins its image names them.
import() { # tar
  local name digest done=$STATE/node/imported-$(basename "$1")
  [ ! -e "$done" ] || return 0
  inside "$BIN/ctr" -n k8s.io images import --snapshotter overlayfs "$1" >>"$STATE/log/import.log" 2>&1 \
    || fail "containerd did not take the image $1." "$(tail -n 2 "$STATE/log/import.log")"
  while read -r name digest; do
    case $name in windfirm.local/$(basename "$1" .tar):*)
      inside "$BIN/ctr" -n k8s.io images tag --force "$name" "${name%:*}@$digest" >>"$STATE/log/import.log" 2>&1 ;;
    esac
  done <"$BUILT/images/list"
  touch "$done"
}
