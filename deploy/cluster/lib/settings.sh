# Where the cluster of this clone is, what it is called, what the machine must have. Sourced, never run.
. "$(dirname "${BASH_SOURCE[0]}")/../../make/common.sh"
export PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

CLUSTER=$ROOT/deploy/cluster
STATE=$ROOT/.windfirm/cluster
ADMIN=$STATE/admin.kubeconfig
AUDIT=$STATE/log/audit.jsonl

# The same in every cluster: they are private to its network namespace.
SERVICES=10.96.0.0/16
API_SERVICE=10.96.0.1
DNS_SERVICE=10.96.0.10

# Several clones may have a cluster at the same time: a number of its own keeps their links, addresses and cgroups apart.
set_number() {
  NUMBER=$1
  NODE=windfirm$NUMBER
  LINK=windfirm$NUMBER         # this machine's end of the link
  CGROUP=windfirm$NUMBER
  HOST_IP=10.99.$NUMBER.1      # this machine, as pods see it
  NODE_IP=10.99.$NUMBER.2      # the node, and the API server on port 6443
  PODS=10.244.$NUMBER.0/24
}

free_number() {
  local number
  for number in $(seq 0 200); do
    ip link show "windfirm$number" >/dev/null 2>&1 && continue
    is_free "10.99.$number.0/30" && is_free "10.244.$number.0/24" && { echo "$number"; return; }
  done
  fail "There is no free network for a cluster." "Of 10.99.N.0/30 and 10.244.N.0/24, N from 0 to 200, this machine uses one or the other already (\`ip route\`)."
}

# No address or route of this machine is in a network, and no route but the default one leads to it.
is_free() { [ -z "$(ip -4 -o address show to "$1"; ip -4 route show root "$1"; ip -4 route show match "$1" | grep -v '^default ')" ]; }

# Without these there can be no cluster. It is told in the words that the tests look for.
skip() { printf 'skipped: the cluster: %s\n' "$*" >&2; exit 3; }
need_machine() {
  [ "$(uname -s)" = Linux ] || skip "it is made of Linux namespaces, and this is $(uname -s)"
  [ "$(id -u)" = 0 ] || skip "it needs root, for namespaces, cgroups and a network link, and this is $(id -un)"
  unshare -m -n -p -f true 2>/dev/null || skip "this machine lets nobody make namespaces (in a container? it must be privileged)"
  local place
  for place in "$STATE" "$CACHE"; do
    [[ ! $place/ =~ ^(/run|/var/run|/var/lib|/var/log)/ ]] || fail "The cluster cannot be in $place: it has /run, /var/lib and /var/log of its own, which hide those of this machine." \
      "Use a clone elsewhere, and a cache elsewhere (WINDFIRM_CACHE)."
  done
  [[ $STATE =~ ^[A-Za-z0-9_./+-]+$ ]] || fail "The path of this clone has a character that goes wrong in configurations: $ROOT"
}

need_tools() {
  debian_install "the node of the cluster runs with them (runc: containers, iptables: Services, tini: process 1, busybox and curl: images)" \
    runc iptables iproute2 tini busybox-static curl openssl git util-linux || true
  local tool missing=()
  for tool in runc iptables ip tini busybox curl openssl git nsenter setsid flock; do have "$tool" || missing+=("$tool"); done
  [ ${#missing[@]} = 0 ] || fail "Missing: ${missing[*]}." "Install them (on Debian, as root, it is done for you), then run this again."
}

# One at a time: numbers are given out, and the cache is filled. File descriptor 9 holds the lock; nothing that stays behind may keep it.
lock() {
  exec 9>"$CACHE/cluster.lock"
  flock -n 9 || { note "waiting for another \`deploy/cluster/up.sh\` or \`deploy/cluster/down.sh\`"; flock 9; }
}

# kubectl would otherwise keep notes in the home folder, and leave them there.
kubectl() { "$BIN/kubectl" --cache-dir "$STATE/kubectl" --kubeconfig "$ADMIN" "$@"; }

# A file of ours with its @NAMES@ filled in.
fill() { # file
  sed -e "s|@STATE@|$STATE|g; s|@BIN@|$BIN|g; s|@NODE@|$NODE|g; s|@NODE_IP@|$NODE_IP|g; s|@HOST_IP@|$HOST_IP|g" \
    -e "s|@PODS@|$PODS|g; s|@DNS_SERVICE@|$DNS_SERVICE|g; s|@CGROUP@|$CGROUP|g; s|@RUNC@|$(command -v runc)|g" "$1"
}
