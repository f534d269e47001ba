# The steps of chart-install.sh. Sourced, never run.

expect() { # what, what should be found, found
  if [[ $3 == *"$2"* ]]; then note "✓ $1"; else printf '\033[31m  ✗ %s\033[0m\n    expected: %s\n    found: %.600s\n' "$1" "$2" "$3" >&2; WRONG=1; fi
}
helm() { KUBECONFIG=$ADMIN HELM_CACHE_HOME=$WORK/helm HELM_CONFIG_HOME=$WORK/helm HELM_DATA_HOME=$WORK/helm "$HELM" "$@"; }
inside() { deploy/cluster/inside.sh "$@"; }

# What an earlier run may have left.
leave_before() {
  helm uninstall windfirm --namespace $SPACE --ignore-not-found --wait >/dev/null 2>&1 || true
  kubectl -n $SPACE delete secret/windfirm-database secret/windfirm-oidc secret/windfirm-git role/windfirm-portal-secrets rolebinding/windfirm-portal-secrets --ignore-not-found >/dev/null
  kubectl -n shop-staging delete secret pay-test-user --ignore-not-found >/dev/null
  # The page has a policy of its own.
  sed "s|192\.0\.2\.1/32|$HOST_IP/32|" deploy/cluster/manifests/access.yaml | kubectl apply --server-side --force-conflicts -f - >/dev/null
  # Of other portals: tests that were killed. What belongs to a TestRun goes with it.
  kubectl -n shop-staging delete testruns --all >/dev/null
}

leave() {
  local status=$? pid
  set +e
  if [ -n "${WINDFIRM_KEEP:-}" ]; then note "kept, because of WINDFIRM_KEEP: $WORK, ${DATA:-}, and processes ${FORWARDED:-} ${DAEMON:-}"; exit $status; fi
  for pid in "${FORWARDED:-}" "${DAEMON:-}"; do [ -z "$pid" ] || kill "$pid" 2>/dev/null; done
  leave_before
  [ -z "${DATA:-}" ] || { as_postgres "$PG/pg_ctl" -D "$DATA/data" -m immediate -w stop >/dev/null 2>&1; rm -rf "$DATA"; }
  rm -rf "$WORK"
  exit $status
}

# A port of this machine's end of the link that nobody has.
free_port() {
  local port
  for port in $(shuf -i 20000-39999 -n 50); do [ -n "$(ss -Htln "sport = :$port")" ] || { echo "$port"; return; }; done
  fail "No free port was found on this machine."
}

# Images are known by name and by digest, as those of the cluster are.
import_image() { # tar name digest
  inside ctr -n k8s.io images import --snapshotter overlayfs "$1" >"$WORK/import.log" 2>&1 || fail "containerd did not take the image $2." "$(tail -n 2 "$WORK/import.log")"
  inside ctr -n k8s.io images tag --force "$2" "${2%:*}@$3" >>"$WORK/import.log" 2>&1
  note "image $2, $3"
}

git_image() {
  local told name digest
  told=$("$(deploy/cluster/build.sh image)" -name windfirm.local/git:1 -out "$WORK/git.tar" -file "$(command -v git)=/usr/bin/git" -shell "$(command -v busybox)")
  read -r name digest <<<"$told"
  import_image "$WORK/git.tar" "$name" "$digest"
}

as_postgres() { if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi; }

# A database of its own, which pods reach at portal.host.
postgres() {
  debian_install "the portal's database is outside of the cluster" postgresql || true
  PG=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
  [ -x "$PG/initdb" ] || fail "PostgreSQL is missing." "Install it (Debian: apt-get install postgresql), then run this again."
  PASSWORD=$(openssl rand -hex 16)
  DATA=$(mktemp -d) DATABASE_PORT=$(free_port)
  echo "$PASSWORD" >"$DATA/password"
  chmod 711 "$DATA"
  chown -R postgres "$DATA"
  as_postgres "$PG/initdb" -D "$DATA/data" -U windfirm -A scram-sha-256 --pwfile="$DATA/password" -E UTF8 --no-sync >"$WORK/postgres.log" 2>&1 \
    || fail "PostgreSQL could not be set up." "$(tail -n 3 "$WORK/postgres.log")"
  echo "host all all 0.0.0.0/0 scram-sha-256" >>"$DATA/data/pg_hba.conf"
  as_postgres "$PG/pg_ctl" -D "$DATA/data" -w -l "$DATA/server.log" \
    -o "-c listen_addresses=$HOST_IP -c port=$DATABASE_PORT -c unix_socket_directories=$DATA -c fsync=off" start >>"$WORK/postgres.log" 2>&1 \
    || fail "PostgreSQL did not start." "$(tail -n 3 "$DATA/server.log")"
  note "PostgreSQL at portal.host:$DATABASE_PORT"
}

git_daemon() {
  GIT_PORT=$(free_port)
  git -c safe.directory='*' daemon --reuseaddr --export-all --base-path="$STATE" --listen="$HOST_IP" --port="$GIT_PORT" "$STATE/shop" >"$WORK/git.log" 2>&1 &
  DAEMON=$!
  note "the shop's repository at git://portal.host:$GIT_PORT/shop"
}

# Puts another client secret there, and waits until the portal says that it is in force: it keeps the one before as well.
change_client_secret() { # value
  local before until=$((SECONDS + 20))
  before=$(changes)
  kubectl -n $SPACE patch secret windfirm-oidc --patch "{\"stringData\":{\"client-secret\":\"$1\"}}" >/dev/null
  until [ "$(changes)" -gt "$before" ]; do
    [ $SECONDS -lt $until ] || fail "The portal does not take the Secret that was changed." "$(kubectl -n $SPACE logs deployment/windfirm -c portal --tail=5 2>&1)"
    sleep 0.2
  done
}
changes() { kubectl -n $SPACE logs deployment/windfirm -c portal | grep -c secrets.changed || true; }

image_of() { awk -v name="windfirm.local/$1:" 'index($1, name) == 1 { print $1 }' "$BUILT/images/list"; }

ready() { # what
  local told
  if told=$(kubectl -n $SPACE rollout status deployment/windfirm --timeout=180s 2>&1); then note "✓ $1"; return; fi
  fail "Not so: $1." "$told" "$(kubectl -n $SPACE get pods -o wide 2>&1)" "$(kubectl -n $SPACE get events --sort-by=.lastTimestamp 2>&1 | tail -n 8)" \
    "$(kubectl -n $SPACE logs deployment/windfirm -c portal --tail=20 2>&1)"
}
another_ready() { # than the pod of this name
  local pod='' until=$((SECONDS + 60))
  while [ -z "$pod" ] && [ $SECONDS -lt $until ]; do
    pod=$(kubectl -n $SPACE get pods -l app.kubernetes.io/name=windfirm -o name | grep -v "/$1\$" | head -n 1)
    [ -n "$pod" ] || sleep 0.5
  done
  if [ -n "$pod" ] && kubectl -n $SPACE wait --for=condition=Ready "$pod" --timeout=180s >"$WORK/wait.log" 2>&1; then note "✓ another one is ready"
  else fail "No other pod is ready." "$(cat "$WORK/wait.log" 2>/dev/null)" "$(kubectl -n $SPACE get pods 2>&1)"; fi
}
portal_pod() { kubectl -n $SPACE get pods -l app.kubernetes.io/name=windfirm -o jsonpath="{.items[0]$(sed 's/^{//' <<<"$1")"; }
restarts() { portal_pod '{.metadata.name}'; portal_pod '{.status.containerStatuses[?(@.name=="portal")].restartCount}' | sed 's/.*/, restarted & times/'; }
may_read() { kubectl -n $SPACE auth can-i list "secret/$1" --as "system:serviceaccount:$SPACE:portal" 2>/dev/null || true; }

# A browser on this machine, in front of Service and provider.
forward() {
  [ -z "${FORWARDED:-}" ] || { kill "$FORWARDED" 2>/dev/null || true; wait "$FORWARDED" 2>/dev/null || true; }
  "$BIN/kubectl" --kubeconfig "$ADMIN" -n $SPACE port-forward service/windfirm "$PORTAL:8080" >"$WORK/forward.log" 2>&1 &
  FORWARDED=$!
  for _ in $(seq 100); do curl -s -o "$WORK/live" "http://127.0.0.1:$PORTAL/health/live" && return; sleep 0.2; done
  fail "The Service cannot be reached from this machine." "$(tail -n 3 "$WORK/forward.log")"
}
# Of whoever sits at it: each person has a session of their own.
browser() { curl -sS --max-time 30 --noproxy '*' -c "$WORK/cookies-$WHO" -b "$WORK/cookies-$WHO" -H "Sec-Fetch-Site: same-origin" "$@"; }
page() { browser -H "Accept: text/html" "http://127.0.0.1:$PORTAL$1"; }
# The page once it has this, or as it is after two minutes: the kubelet takes a while to bring a policy to the pod.
shows() { # page what
  local told='' until=$((SECONDS + 120))
  while [[ $told != *"$2"* ]] && [ $SECONDS -lt $until ]; do sleep 1; told=$(page "$1"); done
  echo "$told"
}
call() { browser -G -H "Accept: application/json" "http://127.0.0.1:$PORTAL/api/fn/$1" --data-urlencode "$2"; }

# As a person would: to the provider, and a choice there; BACK is where it leads. The provider is reached by a way of its own, through its pod.
visit_provider() { # person
  local away='' pod until=$((SECONDS + 60))
  WHO=$1
  rm -f "$WORK/cookies-$WHO"
  # The provider may be a moment later than the portal.
  while [ -z "$away" ] && [ $SECONDS -lt $until ]; do
    away=$(browser -o "$WORK/login" -w '%{redirect_url}' -H "Accept: text/html" --data "issuer=demo&return_to=/tree" "http://127.0.0.1:$PORTAL/login")
    [ -n "$away" ] || sleep 1
  done
  [ -n "$away" ] || fail "The login page leads nowhere." "$(sed -n 's/.*role="alert">\(.*\)<\/p>.*/\1/p' "$WORK/login" | sed 's/<[^>]*>//g')"
  expect "the login page leads to the provider" "http://127.0.0.1:$PROVIDER/authorize?" "$away"
  pod=$(portal_pod '{.metadata.name}')
  "$BIN/kubectl" --kubeconfig "$ADMIN" -n $SPACE port-forward "pod/$pod" "$PROVIDER" >"$WORK/provider.log" 2>&1 &
  local forwarded=$!
  for _ in $(seq 50); do curl -s -o "$WORK/live" "http://127.0.0.1:$PROVIDER/jwks" && break; sleep 0.2; done
  BACK=$(curl -sS --noproxy '*' -o "$WORK/chosen" -w '%{redirect_url}' --data "${away#*\?}&person=$1" "${away%%\?*}")
  kill "$forwarded" 2>/dev/null || true
  expect "and back" "http://127.0.0.1:$PORTAL/login/demo/callback?" "$BACK"
}
log_in() { # person
  visit_provider "$1"
  expect "$1 is logged in" "/tree" "$(browser -o "$WORK/landed" -w '%{redirect_url}' -H "Accept: text/html" "$BACK")"
}

# Launches, and prints the run's id; else what was said. The cluster is asked for rights right after the start: that may take a moment.
launch() { # fields
  local answer until=$((SECONDS + 60))
  while :; do
    answer=$(browser -w ' %{http_code}' -H "Accept: application/json" --data "$1" "http://127.0.0.1:$PORTAL/api/fn/launch")
    [[ $answer == *" 200" ]] && { tr -d '"' <<<"${answer% *}"; return; }
    [[ $answer == *"has not been asked yet"* || $answer == *" 503" ]] && [ $SECONDS -lt $until ] || break
    sleep 1
  done
  echo "$answer"
}
# The node's network enforces no policies. So at least: whom the chart's policy names as runners.
runners_let_in() {
  local selector found=0 until=$((SECONDS + 60))
  selector=$(kubectl -n $SPACE get networkpolicy windfirm -o go-template='{{ range (index .spec.ingress 1 "from" 0).podSelector.matchExpressions }}{{ .key }},{{ end }}')
  while [ "$found" -lt 2 ] && [ $SECONDS -lt $until ]; do
    sleep 0.5
    found=$(kubectl -n shop-staging get pods -l "${selector}runner=true" -o name | grep -c . || true)
  done
  echo "$found runners"
}
state() { call run "id=$1" | grep -o '"state":{"state":"[a-z_]*"' | head -n 1 | cut -d'"' -f6; }
# Waits until the run has ended, and prints how.
ended() { # run
  local state='' until=$((SECONDS + 120))
  while [ $SECONDS -lt $until ]; do
    state=$(state "$1")
    case $state in passed | failed | inconclusive | cancelled | lost | errored | rejected | expired) break ;; esac
    sleep 1
  done
  echo "$state"
}
# Who made the TestRuns of the shop's staging, as whom, by the API server's own log.
who_made() {
  grep '"verb":"create"' "$AUDIT" | grep '"resource":"testruns","namespace":"shop-staging"' | grep '"code":201' | tail -n 1 \
    | sed 's/.*"user":{"username":"\([^"]*\)".*"impersonatedUser":{"username":"\([^"]*\)".*/\1 as \2/'
}
left() { # of TestRuns, once what ended is cleaned up
  local found until=$((SECONDS + 60))
  while found=$(kubectl -n shop-staging get testruns,secrets -o name) && [ -n "$found" ] && [ $SECONDS -lt $until ]; do sleep 1; done
  echo "${found:-none}"
}
