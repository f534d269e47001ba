#!/usr/bin/env bash
# Keys, certificates and kubeconfigs of a new cluster: EC P-256, 30 days.
. "$(dirname "$0")/lib/settings.sh"
set_number "$(cat "$STATE/number")"
PKI=$STATE/pki
DAYS=30
mkdir -p -m 700 "$PKI"
cd "$PKI"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }

authority() { # name common-name
  key "$1"
  openssl req -x509 -new -key "$1.key" -days $DAYS -out "$1.crt" -subj "/CN=$2" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign,digitalSignature
}

certificate() { # name subject authority usage alternative-names
  key "$1"
  { printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=%s\n' "$4"; [ -z "$5" ] || echo "subjectAltName=$5"; } >extensions
  openssl req -new -key "$1.key" -subj "$2" | openssl x509 -req -CA "$3.crt" -CAkey "$3.key" -CAcreateserial -days $DAYS -out "$1.crt" -extfile extensions 2>/dev/null
}

kubeconfig() { # name: self-contained, so that it can be copied; the first name also names the context
  cat >"$STATE/$1.kubeconfig" <<EOF
apiVersion: v1
kind: Config
current-context: windfirm
contexts: [{ name: windfirm, context: { cluster: windfirm, user: $1 } }]
clusters: [{ name: windfirm, cluster: { server: "https://$NODE_IP:6443", certificate-authority-data: $(base64 -w0 ca.crt) } }]
users: [{ name: $1, user: { client-certificate-data: $(base64 -w0 "$1.crt"), client-key-data: $(base64 -w0 "$1.key") } }]
EOF
  chmod 600 "$STATE/$1.kubeconfig"
}

authority ca windfirm-cluster
authority front-ca windfirm-cluster-front
key sa
openssl pkey -in sa.key -pubout -out sa.pub
certificate apiserver /CN=kube-apiserver ca serverAuth \
  "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,DNS:kubernetes.default.svc.cluster.local,IP:127.0.0.1,IP:$NODE_IP,IP:$API_SERVICE"
certificate apiserver-kubelet /O=windfirm:kubelet-admins/CN=kube-apiserver-kubelet-client ca clientAuth ""
certificate front-client /CN=front-proxy-client front-ca clientAuth ""
certificate admin /O=system:masters/CN=cluster-admin ca clientAuth ""
certificate controller-manager /CN=system:kube-controller-manager ca clientAuth ""
certificate scheduler /CN=system:kube-scheduler ca clientAuth ""
certificate proxy /CN=system:kube-proxy ca clientAuth ""
certificate kubelet "/O=system:nodes/CN=system:node:$NODE" ca clientAuth ""
certificate kubelet-server "/CN=$NODE" ca serverAuth "DNS:$NODE,IP:$NODE_IP,IP:127.0.0.1"
for who in admin controller-manager scheduler proxy kubelet; do kubeconfig "$who"; done
