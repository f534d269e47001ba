#!/usr/bin/env bash
# Everything that the cluster is made of, built once from pinned Go modules into the cache; prints the folder:
# bin/ (programs), images/ (tars that containerd imports), manifests/ (what the modules bring along).
# A folder's name holds a digest of its pins and sources, so that a change of one module builds that module again and no other.
# `build.sh PROGRAM` builds that one alone, and prints where it is; `build.sh --for-borrowed` what a cluster of somebody else lacks.
. "$(dirname "$0")/lib/settings.sh"

K6_VERSION=$(sed -n 's/^.*go\.k6\.io\/k6\/v2 \(v[0-9.]*\).*/\1/p' deploy/k6/go.mod | head -n 1)
PARTS=$CACHE/cluster
export GOWORK=off CGO_ENABLED=0

pinned() { sed -n "s|^require $2 v\([^ ]*\).*|\1|p; s|^\t$2 v\([^ ]*\).*|\1|p" "$CLUSTER/modules/$1/go.mod" | head -n 1; }
digest() { find "$@" -type f -print0 | sort -z | xargs -0 cat | sha256sum | cut -c1-12; }

# module, program, package. A module's pins are in modules/MODULE/go.mod and go.sum.
programs() {
  cat <<EOF
kubernetes kube-apiserver k8s.io/kubernetes/cmd/kube-apiserver
kubernetes kube-controller-manager k8s.io/kubernetes/cmd/kube-controller-manager
kubernetes kube-scheduler k8s.io/kubernetes/cmd/kube-scheduler
kubernetes kubelet k8s.io/kubernetes/cmd/kubelet
kubernetes kube-proxy k8s.io/kubernetes/cmd/kube-proxy
kubernetes kubectl k8s.io/kubernetes/cmd/kubectl
etcd etcd go.etcd.io/etcd/server/v3
containerd containerd github.com/containerd/containerd/v2/cmd/containerd
containerd containerd-shim-runc-v2 github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2
containerd ctr github.com/containerd/containerd/v2/cmd/ctr
cni bridge github.com/containernetworking/plugins/plugins/main/bridge
cni loopback github.com/containernetworking/plugins/plugins/main/loopback
cni host-local github.com/containernetworking/plugins/plugins/ipam/host-local
coredns coredns .
k6-operator k6-operator github.com/grafana/k6-operator/cmd
tools image ./image
tools pause ./pause
tools standin ./standin
tools shop ./shop
tools receiver ./receiver
EOF
}

# Of a cluster that is there already only what is ours: programs, and images of them.
OURS=' kubectl k6-operator image standin shop receiver '
wanted() { programs | if [ -n "$BORROWED" ]; then awk -v ours="$OURS" 'index(ours, " " $2 " ")'; else cat; fi; }

source_folder() { [ "$1" = tools ] && echo "$CLUSTER/tools" || echo "$CLUSTER/modules/$1"; }

# Versions that programs tell, which their own builds would put in.
link_flags() {
  local version package
  case $1 in
    kubernetes)
      version=$(pinned kubernetes k8s.io/kubernetes)
      for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
        printf ' -X %s.gitVersion=v%s -X %s.gitMajor=%s -X %s.gitMinor=%s -X %s.gitTreeState=clean' \
          $package "$version" $package "$(cut -d. -f1 <<<"$version")" $package "$(cut -d. -f2 <<<"$version")" $package
      done ;;
    containerd) printf ' -X github.com/containerd/containerd/v2/version.Version=%s' "$(pinned containerd github.com/containerd/containerd/v2)" ;;
  esac
}

need_go() {
  have go || fail "Go is missing." "The cluster is built from Go modules. Install Go 1.26 or newer (https://go.dev/dl/), then run this again."
}

# Into $PARTS/MODULE-DIGEST; sets PROGRAM to where it is.
build() { # module program package
  local folder=$PARTS/$1-$(digest "$(source_folder "$1")") began=$SECONDS
  if [ ! -x "$folder/$2" ]; then
    need_go
    [ -n "${TOLD:-}" ] || { say "Building the cluster's programs from Go modules, once (10 to 15 minutes on two idle cores, 45 on busy ones; ${CACHE}/cluster keeps them)"; TOLD=1; }
    mkdir -p "$folder"
    (cd "$(source_folder "$1")" && nice -n 10 go build -mod=readonly -buildvcs=false -trimpath -ldflags "-s -w$(link_flags "$1")" -o "$folder/$2.$$" "$3") >&2 \
      || fail "$2 could not be built." "What Go said stands above. Without a network there is nothing to build from."
    mv "$folder/$2.$$" "$folder/$2"
    note "$2 ($((SECONDS - began)) s; $DONE of $COUNT)"
  fi
  PROGRAM=$folder/$2
}

# Manifests that come with a module. Its archive is checked against go.sum; a copy, so that nothing writes into the clone.
fetch() { # module path
  local work
  need_go
  work=$(mktemp -d)
  cp "$CLUSTER/modules/$1/go.mod" "$CLUSTER/modules/$1/go.sum" "$work/"
  (cd "$work" && go mod download -json "$2@v$(pinned "$1" "$2")") | sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p'
  rm -rf "$work"
}

manifests() {
  local from
  from=$(fetch argocd github.com/argoproj/argo-cd/v3)
  [ -n "$from" ] || fail "Argo CD's module could not be fetched; its CRDs are taken from it."
  cp "$from"/manifests/crds/{application,applicationset,appproject}-crd.yaml "$NEW/manifests/"
  from=$(fetch k6-operator github.com/grafana/k6-operator)
  [ -n "$from" ] || fail "The k6-operator's module could not be fetched; its bundle.yaml is taken from it."
  cp "$from/bundle.yaml" "$NEW/manifests/k6-operator.yaml"
  chmod -R u+w "$NEW/manifests"
}

images() {
  local k6
  k6=$(deploy/make/k6.sh)
  image() { "$NEW/bin/image" -name "windfirm.local/$1" -out "$NEW/images/${1%%:*}.tar" "${@:2}"; }
  say "Making images of them"
  {
    [ -n "$BORROWED" ] || image pause:1 -file "$NEW/bin/pause=/pause" -entry /pause
    image standin:1 -file "$NEW/bin/standin=/standin" -entry /standin
    [ -n "$BORROWED" ] || image "coredns:$(pinned coredns github.com/coredns/coredns)" -file "$NEW/bin/coredns=/coredns" -entry /coredns -user 0:0
    image "k6-operator:$(pinned k6-operator github.com/grafana/k6-operator)" -file "$NEW/bin/k6-operator=/manager" -entry /manager
    # The initializer is a shell line around k6; the starter is a shell line around curl.
    image "k6:${K6_VERSION#v}" -file "$k6=/usr/bin/k6" -shell "$(command -v busybox)" -entry k6 -user 12345 -folder /home/k6
    image starter:1 -file "$(command -v curl)=/usr/bin/curl" -shell "$(command -v busybox)"
  } >"$NEW/images/list"
}

BORROWED=
if [ "${1:-}" = --for-borrowed ]; then
  BORROWED=1
elif [ $# -gt 0 ]; then
  read -r module program package < <(programs | awk -v wanted="$1" '$2 == wanted') || fail "The cluster has no program $1."
  DONE=1 COUNT=1 TOLD=1
  build "$module" "$program" "$package"
  echo "$PROGRAM"
  exit
fi

PINS=$(digest deploy/cluster/modules deploy/cluster/tools deploy/cluster/build.sh deploy/k6/go.mod)
ALL=$PARTS/all-$PINS
[ -z "$BORROWED" ] || [ -e "$ALL/complete" ] || ALL=$PARTS/all-ours-$PINS
if [ ! -e "$ALL/complete" ]; then
  NEW=$ALL.new
  rm -rf "$NEW"
  mkdir -p "$NEW"/{bin,images,manifests}
  COUNT=$(wanted | wc -l) DONE=0
  while read -r module program package; do
    DONE=$((DONE + 1))
    build "$module" "$program" "$package" </dev/null
    ln -f "$PROGRAM" "$NEW/bin/$program"
  done < <(wanted)
  manifests
  images
  touch "$NEW/complete"
  rm -rf "$ALL"
  mv "$NEW" "$ALL"
  # What no clone asked for in a month, and what nothing is linked to any more.
  find "$PARTS" -mindepth 1 -maxdepth 1 -name 'all-*' -mtime +30 -exec rm -rf {} +
  find "$PARTS" -mindepth 2 -maxdepth 2 -not -path "$PARTS/all-*" -type f -links 1 -delete
  find "$PARTS" -mindepth 1 -maxdepth 1 -type d -empty -delete
fi
touch "$ALL"
echo "$ALL"
