#!/usr/bin/env bash
# The Helm chart: lints it, renders it with every values file of deploy/chart/examples, sees that the refused ones are refused in words, and
# asks an API server what it thinks of each object, where the cluster of this clone is up.
. "$(dirname "$0")/common.sh"
HELM=$(deploy/make/helm.sh)
CHART=deploy/chart
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
FAILED=0
good() { note "✓ $1"; }
bad() { printf '\033[31m  ✗ %s\033[0m\n' "$1" >&2; [ -z "${2:-}" ] || sed 's/^/    /' <<<"$2" | tail -n 20 >&2; FAILED=1; }
# Helm keeps notes; they go where everything of this run goes.
helm() { HELM_CACHE_HOME=$WORK/helm HELM_CONFIG_HOME=$WORK/helm HELM_DATA_HOME=$WORK/helm "$HELM" "$@" 2>&1; }
named() { basename "$1" .yaml; }

say "The chart"
if told=$(helm lint --strict --quiet "$CHART"); then good "lint, with the values of the chart alone"; else bad "lint" "$told"; fi
for values in "$CHART"/examples/*.yaml; do
  name=$(named "$values")
  if told=$(helm lint --strict --quiet "$CHART" --values "$values"); then good "lint: $name"; else bad "lint: $name" "$told"; fi
  if told=$(helm template windfirm "$CHART" --namespace windfirm --values "$values"); then echo "$told" >"$WORK/$name.yaml"; good "template: $name"
  else bad "template: $name" "$told"; fi
done

# Each is put upon the smallest values, and says in its first line what is to be found in the refusal.
for values in "$CHART"/examples/refused/*.yaml; do
  name=$(named "$values") wanted=$(sed -n '1s/^# refused: //p' "$values")
  if told=$(helm template windfirm "$CHART" --values "$CHART/examples/smallest.yaml" --values "$values"); then bad "refused: $name" "It was taken."
  elif [ -z "$wanted" ] || [[ $told != *"$wanted"* ]]; then bad "refused: $name" "Not for “$wanted”: $told"
  elif [[ $told == *hunter2* ]]; then bad "refused: $name" "The refusal repeats a secret."
  else good "refused: $name"; fi
done

# The portal reads the configuration that the chart writes.
if [ -n "${WINDFIRM_BINARY:-}" ]; then
  for rendered in "$WORK"/*.yaml; do
    awk '/^  windfirm.yaml: \|/ { inside = 1; next } inside && !/^    / { exit } inside { print substr($0, 5) }' "$rendered" >"$WORK/windfirm.conf"
    # What it names is not here, and is told; before that it says whether the file itself is good.
    told=$("$WINDFIRM_BINARY" check --config "$WORK/windfirm.conf" 2>&1 || true)
    if [[ $told == "configuration  good"* ]]; then good "the portal takes the configuration: $(named "$rendered")"; else bad "the portal's configuration: $(named "$rendered")" "$told"; fi
  done
else
  skip "the portal's own opinion of the configurations that the chart writes: WINDFIRM_BINARY names no program"
fi

# Everything again, by the API server: every field strictly, and pod security as the namespace demands it.
STATE=$ROOT/.windfirm/cluster
kubectl() { "$(cat "$STATE/built")/bin/kubectl" --cache-dir "$STATE/kubectl" --kubeconfig "$STATE/admin.kubeconfig" "$@"; }
# A busy machine's may take a moment to answer.
answers() { for _ in 1 2 3 4 5; do kubectl get --raw /readyz --request-timeout=10s >/dev/null 2>&1 && return; sleep 2; done; return 1; }
if [ -f "$STATE/built" ] && answers; then
  NAMESPACE=windfirm-chart-$$
  trap 'kubectl delete namespace "$NAMESPACE" --wait=false >/dev/null 2>&1 || true; rm -rf "$WORK"' EXIT
  kubectl create namespace "$NAMESPACE" >/dev/null
  kubectl label namespace "$NAMESPACE" pod-security.kubernetes.io/{enforce,warn}=restricted >/dev/null
  dry_run() { kubectl apply --server-side --dry-run=server --validate=strict --namespace "$1" -f - 2>&1; }
  # What pod security thinks of a Deployment is a warning; here it is an error.
  taken() { # name, namespace, objects
    local told
    if told=$(dry_run "$2" <<<"$3") && [[ $told != *Warning:* ]]; then good "$1: $(grep -c . <<<"$told") objects"; else bad "$1" "$told"; fi
  }
  for values in "$CHART"/examples/*.yaml; do
    name=$(named "$values")
    taken "server-side dry run: $name" "$NAMESPACE" "$(helm template windfirm "$CHART" --namespace "$NAMESPACE" --values "$values")"
  done
  taken "server-side dry run: deploy/argocd" argocd "$(cat deploy/argocd/*.yaml)"
  # The same must be able to fail.
  objects=$(helm template windfirm "$CHART" --namespace "$NAMESPACE" --values "$CHART/examples/smallest.yaml")
  told=$(dry_run "$NAMESPACE" <<<"${objects/enableServiceLinks/enableServiceLinkz}" || true)
  if [[ $told == *enableServiceLinkz* ]]; then good "an unknown field is refused"; else bad "an unknown field is refused" "$told"; fi
  told=$(dry_run "$NAMESPACE" <<<"${objects//runAsNonRoot: true/runAsNonRoot: false}" || true)
  if [[ $told == *"would violate PodSecurity"* ]]; then good "a pod that may be root is noticed"; else bad "a pod that may be root is noticed" "$told"; fi
else
  skip "the chart's objects before an API server: no cluster of this clone is up; \`make cluster\` brings one up"
fi

# The values of the Application are the chart's, too.
sed -n '/^      valuesObject:/,/^  syncPolicy:/p' deploy/argocd/application.yaml | sed -e '1d;$d' -e 's/^        //' >"$WORK/application-values.yaml"
if told=$(helm template windfirm "$CHART" --namespace windfirm --values "$WORK/application-values.yaml"); then good "template: the values of deploy/argocd"; else bad "template: the values of deploy/argocd" "$told"; fi
[ "$FAILED" = 0 ] || fail "The chart is not as it should be."
