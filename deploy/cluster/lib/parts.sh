# What lives in the cluster: DNS, the k6-operator, Argo CD's CRDs, the shop, accounts. Sourced after machine.sh, never run.
# Each puts back what was there, so that a second run repairs.

image() { awk -v name="windfirm.local/$1:" 'index($1, name) == 1 { print $1 }' "$BUILT/images/list"; }

# A namespace that someone is deleting still takes objects, and takes them along when it goes; a CRD, too.
nothing_goes() {
  local names
  names=$(kubectl get namespaces,customresourcedefinitions -o jsonpath='{.items[?(@.metadata.deletionTimestamp)].metadata.name}') && [ -z "$names" ]
}

apply() { # from standard input
  local objects=$STATE/objects until=$((SECONDS + 60))
  cat >"$objects"
  until kubectl apply --server-side --force-conflicts --field-manager=make-cluster -f "$objects" >"$STATE/log/apply.log" 2>&1; do
    # The same for any other object.
    grep -qE 'being (terminated|deleted)' "$STATE/log/apply.log" && [ $SECONDS -lt $until ] \
      || fail "The API server refused an object." "$(tail -n 3 "$STATE/log/apply.log")"
    sleep 1
  done
}

established() { # crd…: a fresh one has no conditions for a moment, and `kubectl wait` stumbles over that
  for crd in "$@"; do wait_for 60 "the CRD $crd" apply kubectl wait --for=condition=Established "crd/$crd" --timeout=5s; done
}

crds() {
  # Too large for a client-side apply.
  cat "$BUILT"/manifests/{application,applicationset,appproject}-crd.yaml | documents | apply
  established applications.argoproj.io applicationsets.argoproj.io appprojects.argoproj.io
}

# Files put together need a line between them.
documents() { sed 's/^apiVersion: apiextensions/---\n&/'; }

dns() { fill "$CLUSTER/manifests/dns.yaml" | sed "s|@COREDNS@|$(image coredns)|" | apply; }

# The operator as its makers install it, with our image of it, a quicker probe, and enough processor to start ten runs at once.
operator() {
  sed -e "s|image: .*k6-operator:controller-.*|image: $(image k6-operator)\n        imagePullPolicy: Never|" \
    -e 's|initialDelaySeconds: 5$|initialDelaySeconds: 0|' -e 's|periodSeconds: 10$|periodSeconds: 1|' -e 's|cpu: 100m$|cpu: 500m|' \
    "$BUILT/manifests/k6-operator.yaml" | apply
  established testruns.k6.io
}

# The demo's repository, made of the same commits, with the addresses that the services have in this cluster.
# Made once: whoever commits to it finds the commit again.
repository() {
  local folder=$STATE/shop commit author when made
  made=$(find deploy/demo/commits -type f -print0 | sort -z | xargs -0 cat | sha256sum)
  [ "$(cat "$folder.made" 2>/dev/null)" != "$made" ] || return 0
  rm -rf "$folder"
  git init -q -b main "$folder"
  for commit in deploy/demo/commits/*/; do
    cp -r "$commit/files/." "$folder/"
    # An address names the service and the environment: @PORT_staging_cart@.
    find "$folder" -name '*.yaml' -exec sed -i \
      -e 's|http://127\.0\.0\.1:@PORT_search_\([a-z]*\)@|http://\1.search-staging.svc.cluster.local|' \
      -e 's|http://127\.0\.0\.1:@PORT_\([a-z]*\)_\([a-z]*\)@|http://\2.shop-\1.svc.cluster.local|' {} +
    { read -r author; read -r when; } <"$commit/message"
    git -C "$folder" add -A
    tail -n +3 "$commit/message" | env GIT_AUTHOR_NAME="${author% <*}" GIT_COMMITTER_NAME="${author% <*}" \
      GIT_AUTHOR_EMAIL="$(sed 's/.*<\(.*\)>/\1/' <<<"$author")" GIT_COMMITTER_EMAIL="$(sed 's/.*<\(.*\)>/\1/' <<<"$author")" \
      GIT_AUTHOR_DATE="$when +0000" GIT_COMMITTER_DATE="$when +0000" git -C "$folder" -c commit.gpgsign=false -c core.hooksPath=/dev/null commit -q -F -
  done
  echo "$made" >"$folder.made"
}

shop() {
  repository
  "$BIN/shop" -repository "$STATE/shop" -standin "$(image standin)" | apply
}

# What `windfirm policy render` writes for deploy/example/cluster-policy.yaml, byte by byte; a test sees to that. Only this machine's
# address is another one.
access() {
  local token
  sed "s|192\.0\.2\.1/32|$HOST_IP/32|" "$CLUSTER/manifests/access.yaml" | apply
  # What the chart runs there keeps to it.
  kubectl label namespace windfirm --overwrite pod-security.kubernetes.io/enforce=restricted >/dev/null
  token=$(kubectl -n windfirm create token portal --duration=720h)
  sed -e '/^users:/d' -e 's/user: admin/user: portal/' "$ADMIN" >"$STATE/portal.kubeconfig"
  echo "users: [{ name: portal, user: { token: $token } }]" >>"$STATE/portal.kubeconfig"
  chmod 600 "$STATE/portal.kubeconfig"
}

# Whether the quotas of runs are counted. Until they are no TestRun can be made. A cluster that has not heard of the new kind when it meets the quota
# counts at its next round, which is every five minutes unless it was told otherwise.
quotas_counted() {
  local told
  told=$(kubectl get resourcequotas -A -l app.kubernetes.io/managed-by=windfirm-policy-render -o jsonpath='{range .items[*]}{.metadata.namespace}={.status.used}{"\n"}{end}')
  [ -n "$told" ] && ! grep -q '=$' <<<"$told" || { sleep 1; return 1; }
}

settled() {
  local deployment
  for deployment in kube-system/coredns k6-operator-system/k6-operator-controller-manager \
    shop-dev/stand-in shop-staging/stand-in shop-prod/stand-in search-staging/stand-in; do
    wait_for 180 "$deployment" kubelet kubectl -n "${deployment%/*}" rollout status "deployment/${deployment#*/}" --timeout=5s
  done
  wait_for 400 "the quotas of runs to be counted" kube-controller-manager quotas_counted
}
