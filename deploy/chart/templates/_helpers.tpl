{{- define "windfirm.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "windfirm.fullname" -}}
{{- $name := include "windfirm.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{- define "windfirm.selector" -}}
app.kubernetes.io/name: {{ include "windfirm.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "windfirm.labels" -}}
{{ include "windfirm.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "windfirm.account" -}}
{{- default (ternary (include "windfirm.fullname" .) "default" .Values.serviceAccount.create) .Values.serviceAccount.name -}}
{{- end -}}

{{/* An image of the values, with its digest where there is one. Given: a dict of image and tag, the tag that stands in for none. */}}
{{- define "windfirm.image" -}}
{{- $image := .image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository (default .tag $image.tag) -}}
{{- end -}}
{{- end -}}

{{/* What pod security calls restricted, of one container. */}}
{{- define "windfirm.locked" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: { drop: [ALL] }
{{- end -}}

{{- define "windfirm.port" -}}
{{- regexFind "[0-9]+$" .Values.config.listen -}}
{{- end -}}

{{/* Where the portal finds a key of a Secret or a ConfigMap. The volumes `secrets` and `trust` put it there. */}}
{{- define "windfirm.secretFile" -}}
{{- printf "/secrets/%s/%s" .existingSecret .key -}}
{{- end -}}
{{- define "windfirm.trustFile" -}}
{{- printf "/trust/%s/%s" .existingConfigMap .key -}}
{{- end -}}

{{/* The keys of Secrets and ConfigMaps that the configuration names, as JSON: { secrets: [NAME/KEY], trust: [NAME/KEY] }. */}}
{{- define "windfirm.named" -}}
{{- $secrets := list -}}
{{- $trust := list -}}
{{- with .Values.database -}}
  {{- if .existingSecret }}{{ $secrets = append $secrets (printf "%s/%s" .existingSecret .key) }}{{ end -}}
{{- end -}}
{{- range .Values.config.identity -}}
  {{- with .client_secret }}{{ if .existingSecret }}{{ $secrets = append $secrets (printf "%s/%s" .existingSecret .key) }}{{ end }}{{ end -}}
  {{- with .ca_file }}{{ $trust = append $trust (printf "%s/%s" .existingConfigMap .key) }}{{ end -}}
{{- end -}}
{{- range .Values.config.clusters -}}
  {{- with .kubeconfig }}{{ $secrets = append $secrets (printf "%s/%s" .existingSecret .key) }}{{ end -}}
{{- end -}}
{{- dict "secrets" (uniq $secrets) "trust" (uniq $trust) | toJson -}}
{{- end -}}

{{/* The portal's configuration file. */}}
{{- define "windfirm.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $_ := set $config "state" "/var/lib/windfirm" -}}
{{- $_ := set $config "policy" (printf "/etc/windfirm/policy/%s" .Values.policy.key) -}}
{{- with .Values.database -}}
  {{- if .existingSecret }}{{ $_ := set $config "database" (dict "file" (include "windfirm.secretFile" .)) }}{{ end -}}
  {{- with .secretRef }}{{ $_ := set $config "database" (dict "secretRef" .) }}{{ end -}}
{{- end -}}
{{- $path := ternary .Values.repository.path "repository.git" (ne .Values.repository.existingClaim "") -}}
{{- $_ := set $config.tree "repository" (printf "/tree/%s" $path) -}}
{{- if not $config.tree.repositories }}{{ $_ := unset $config.tree "repositories" }}{{ end -}}
{{- range $issuer := $config.identity -}}
  {{- with $issuer.client_secret }}{{ if .existingSecret }}{{ $_ := set $issuer "client_secret" (dict "file" (include "windfirm.secretFile" .)) }}{{ end }}{{ end -}}
  {{- with $issuer.ca_file }}{{ $_ := set $issuer "ca_file" (include "windfirm.trustFile" .) }}{{ end -}}
{{- end -}}
{{- if not $config.clusters }}{{ $_ := unset $config "clusters" }}{{ end -}}
{{- range $cluster := $config.clusters -}}
  {{- with $cluster.kubeconfig -}}
    {{- $kubeconfig := dict "file" (include "windfirm.secretFile" .) -}}
    {{- with .context }}{{ $_ := set $kubeconfig "context" . }}{{ end -}}
    {{- $_ := set $cluster "kubeconfig" $kubeconfig -}}
  {{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* Whether the portal calls the API server of the cluster that it runs in: "true", or nothing. */}}
{{- define "windfirm.inCluster" -}}
{{- range .Values.config.clusters }}{{ if .in_cluster }}true{{ end }}{{ end -}}
{{- end -}}

{{/* What no schema can say. */}}
{{- define "windfirm.check" -}}
{{- if not .Values.config.public_url -}}
  {{- fail "config.public_url is missing: the address that people type, such as https://windfirm.example/." -}}
{{- end -}}
{{- if not .Values.config.identity -}}
  {{- fail "config.identity names no provider, so nobody could log in. Add at least one." -}}
{{- end -}}
{{- if and .Values.database.existingSecret .Values.database.secretRef -}}
  {{- fail "Give the database's address by one of two ways: database.existingSecret, which is mounted, or database.secretRef, which is read through the API server." -}}
{{- end -}}
{{- if not (or .Values.database.existingSecret .Values.database.secretRef .Values.persistence.enabled) -}}
  {{- fail "Without database.existingSecret or database.secretRef the portal keeps its runs and its audit log in SQLite, and they would end with the pod. Name the Secret with the address of a PostgreSQL, or set persistence.enabled." -}}
{{- end -}}
{{- if gt (int .Values.replicas) 1 -}}
  {{- if not (or .Values.database.existingSecret .Values.database.secretRef) -}}
    {{- fail "More than one replica needs a PostgreSQL, which they share: name the Secret with its address in database.existingSecret or database.secretRef. SQLite has one portal." -}}
  {{- end -}}
  {{- if not .Values.config.clusters -}}
    {{- fail "More than one replica needs config.clusters: without any, tests run in the portal's own pod, and end with it, where no other replica reaches them." -}}
  {{- end -}}
  {{- if .Values.persistence.enabled -}}
    {{- fail "Each replica needs a state folder of its own, and persistence.enabled gives them one volume. With PostgreSQL nothing in it has to outlive the pod: leave persistence out." -}}
  {{- end -}}
{{- end -}}
{{- if eq (empty .Values.policy.inline) (empty .Values.policy.existingConfigMap) -}}
  {{- fail "Give the policy by one of two ways: policy.inline (--set-file policy.inline=policy.yaml) or policy.existingConfigMap." -}}
{{- end -}}
{{- if eq (empty .Values.repository.url) (empty .Values.repository.existingClaim) -}}
  {{- fail "Say where the tree comes from by one of two ways: repository.url, which is mirrored, or repository.existingClaim, a volume with a bare repository." -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not (hasPrefix "https://" .Values.config.public_url)) -}}
  {{- fail "ingress.enabled needs a config.public_url with https: session cookies go to no other address." -}}
{{- end -}}
{{- end -}}
