# The blocks of deploy/docs/kubernetes.md, as somebody would copy them, with the names of this machine in place of the page's. Sourced, never run.
# What the page says is what is tried: another word there is another word here.

PAGE=deploy/docs/kubernetes.md

# The block of this language that has this text; of several the nth.
block() { # language text [nth]
  local found
  found=$(awk -v language="$1" -v text="$2" -v nth="${3:-1}" '
    /^ *```/ { if (inside) { if (index(all, text) && ++seen == nth) printf "%s", all; inside = 0 } else { inside = ($0 ~ "^ *```" language "$"); all = ""; indent = match($0, /[^ ]/) - 1 } next }
    inside { all = all substr($0, indent + 1) "\n" }' "$PAGE")
  [ -n "$found" ] || fail "The page $PAGE has no block of $1 with “$2”." "The test of the chart reads it from there."
  printf '%s\n' "$found"
}

# Puts what this machine has in place of what the page names for example. Each must be there, so that no example is passed by.
here() { # text, from to…
  local text=$1; shift
  while [ $# -gt 0 ]; do
    [[ $text == *"$1"* ]] || fail "The page $PAGE does not say “$1” any more where the test of the chart expects it."
    text=${text//"$1"/"$2"}; shift 2
  done
  printf '%s\n' "$text"
}

# Carries the commands of a block out, in a folder where the files are that the page has you write.
carry_out() { # commands
  local commands=$1
  ( cd "$WORK" && set -e && eval "$commands" ) >"$WORK/commands.log" 2>&1 || fail "The commands of $PAGE did not go:" "$commands" "$(tail -n 5 "$WORK/commands.log")"
}
windfirm() { "$(dirname "$TAR")/windfirm" "$@"; }

# 2. The namespace is there already, because the cluster's account of the portal stands in it.
page_secrets() {
  carry_out "$(here "$(block sh 'create secret generic windfirm-database')" 'create namespace windfirm' 'get namespace windfirm' \
    'postgres://windfirm:PASSWORD@postgres.example:5432/windfirm' "postgres://windfirm:$PASSWORD@portal.host:$DATABASE_PORT/postgres" 'SECRET OF THE CLIENT' "$CLIENT_SECRET")"
}

# 3. The policy, and the rights; with the right to read the client secret, which another part of the page is about.
page_policy() {
  block yaml '# policy.yaml' >"$WORK/policy.yaml"
  carry_out "$(block sh 'windfirm policy check policy.yaml')"
  carry_out "$(here "$(block sh '--secret windfirm/windfirm-oidc' | tail -n 2)" ' --secret windfirm/windfirm-database' '')"
}

# 4. The values.
page_values() {
  here "$(block yaml '# values.yaml')" 'repository: registry.example/windfirm, tag: 0.1.0 }' "repository: ${IMAGE%:*}, digest: '$DIGEST', pullPolicy: Never }" \
    https://windfirm.example/ "http://127.0.0.1:$PORTAL/" https://login.example/realms/company "http://127.0.0.1:$PROVIDER" 'name: company' 'name: demo' \
    '{ existingSecret: windfirm-oidc, key: client-secret }' "{ secretRef: { cluster: home, namespace: windfirm, name: windfirm-oidc, key: client-secret } }" \
    'grafana/k6:2.2.0@sha256:…' "$(image_of k6)" 'registry.example/starter:1@sha256:…' "$(image_of starter)" \
    'https://git.example/platform/deploy.git' "git://portal.host:$GIT_PORT/shop" >"$WORK/values.yaml"
  # What only this machine needs: a registry is not there, nor an ingress controller, and the demo's provider lives on loopback alone, which it
  # shares with the portal's pod.
  sed -i 's/^\( *\)starter_image: .*/&\n\1pull_policy: Never\n\1cpu: 100m\n\1memory_mib: 256/' "$WORK/values.yaml"
  cat >"$WORK/machine.yaml" <<YAML
config: { tree: { repositories: ["https://git.demo.windfirm.dev/shop/deploy.git"] } }
repository: { existingSecret: "", interval_s: 2, image: { repository: windfirm.local/git, tag: "1", pullPolicy: Never } }
ingress: { enabled: false }
resources: { requests: { cpu: 100m, memory: 256Mi }, limits: { memory: 2Gi } }
extraContainers:
  - name: provider
    image: "${IMAGE%:*}@$DIGEST"
    imagePullPolicy: Never
    args: [demo-idp, --port, "$PROVIDER", --portal, "http://127.0.0.1:$PORTAL/"]
    securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
YAML
}
page_install() {
  ln -sfn "$ROOT/deploy" "$WORK/deploy"
  carry_out "$(here "$(block sh 'helm upgrade --install windfirm' | grep -v 'rollout status')" '--values values.yaml' '--values values.yaml --values machine.yaml')"
}

# 5. The test that the page has you write is one that k6 takes.
page_test() {
  block js services/cart/k6/smoke.js >"$WORK/smoke.js"
  "$(deploy/make/k6.sh)" inspect "$WORK/smoke.js" 2>&1
}

# What the page says of the accounts on the command line.
page_preflight() {
  local command; command=$(block sh 'windfirm policy preflight')
  ( cd "$WORK" && eval "$command" ) 2>&1 || true
}

# 6. Secrets for tests: the policy with them, the Secret, and the rights again.
page_secrets_for_tests() {
  block yaml '# policy.yaml' 2 >>"$WORK/policy.yaml"
  carry_out "windfirm policy check policy.yaml"
  carry_out "$(block sh 'create secret generic pay-test-user')"
  page_install
}
