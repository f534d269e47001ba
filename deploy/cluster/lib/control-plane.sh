# etcd, API server, controller manager, scheduler. Sourced after machine.sh, never run.

control_plane() {
  local pki=$STATE/pki
  # Nothing here must outlive the machine: etcd need not wait for the disk.
  start etcd --data-dir "$STATE/etcd" --unsafe-no-fsync --log-level warn \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 --initial-cluster default=http://127.0.0.1:2380
  start kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=0.0.0.0 --secure-port=6443 --advertise-address="$NODE_IP" \
    --service-cluster-ip-range="$SERVICES" --allow-privileged=true --profiling=false \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" --client-ca-file="$pki/ca.crt" \
    --service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --kubelet-client-certificate="$pki/apiserver-kubelet.crt" --kubelet-client-key="$pki/apiserver-kubelet.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --proxy-client-cert-file="$pki/front-client.crt" --proxy-client-key-file="$pki/front-client.key" \
    --requestheader-client-ca-file="$pki/front-ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --audit-policy-file="$CLUSTER/manifests/audit-policy.yaml" --audit-log-path="$AUDIT" --audit-log-mode=blocking \
    --audit-log-maxsize=100 --audit-log-maxbackup=1
  wait_for 180 "the API server" kube-apiserver kubectl get --raw /readyz
  # At its default pace the controller manager takes five seconds to begin.
  start kube-controller-manager --kubeconfig="$STATE/controller-manager.kubeconfig" --use-service-account-credentials=true \
    --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" \
    --bind-address=127.0.0.1 --leader-elect=false --kube-api-qps=500 --kube-api-burst=1000 --profiling=false \
    --resource-quota-sync-period=10s --flex-volume-plugin-dir=/var/lib/kubelet/volume-plugins
  start kube-scheduler --kubeconfig="$STATE/scheduler.kubeconfig" --authentication-kubeconfig="$STATE/scheduler.kubeconfig" \
    --authorization-kubeconfig="$STATE/scheduler.kubeconfig" --bind-address=127.0.0.1 --leader-elect=false --profiling=false
  # Logs and exec go from the API server to the kubelet, as this group.
  kubectl get clusterrolebinding windfirm-kubelet-admins >/dev/null 2>&1 \
    || kubectl create clusterrolebinding windfirm-kubelet-admins --clusterrole=system:kubelet-api-admin --group=windfirm:kubelet-admins >/dev/null
  wait_for 180 "the controller manager to make the default service account" kube-controller-manager kubectl -n default get serviceaccount default
}
