{{/*
One rule of a NetworkPolicy: way (from, to), peers, ports, protocols. Nothing where nobody is named, since an empty list would
mean everybody.
*/}}
{{- define "contato.edge" }}
{{- if .peers }}
- {{ .way }}:
    {{- toYaml .peers | nindent 4 }}
  ports:
    {{- range $protocol := .protocols | default (list "TCP") }}
    {{- range $.ports }}
    - protocol: {{ $protocol }}
      port: {{ int . }}
    {{- end }}
    {{- end }}
{{- end }}
{{- end }}

{{/* The pods of another part of this release, as the peers of a rule: root, component. */}}
{{- define "contato.pods" -}}
- podSelector:
    matchLabels:
      {{- include "contato.selectorLabels" . | nindent 6 }}
{{- end }}

{{/* Rules that every part needs to find the others. */}}
{{- define "contato.toNames" -}}
{{- with .Values.networkPolicy.dns }}
{{- $pods := dict "namespaceSelector" (dict "matchLabels" (dict "kubernetes.io/metadata.name" .namespace)) "podSelector" (dict "matchLabels" .podLabels) }}
{{- $peers := list $pods }}
{{- with .nodeLocalCIDR }}
{{- $peers = append $peers (dict "ipBlock" (dict "cidr" .)) }}
{{- end }}
{{- include "contato.edge" (dict "way" "to" "peers" $peers "ports" (list .port) "protocols" (list "UDP" "TCP")) }}
{{- end }}
{{- end }}

{{/* Rule to one server, such as the broker: what networkPolicy says of it. */}}
{{- define "contato.toServer" -}}
{{- include "contato.edge" (dict "way" "to" "peers" .peers "ports" (list .port)) }}
{{- end }}

{{/* Rules of a role to what it works with. */}}
{{- define "contato.toServers" -}}
{{- with .Values.networkPolicy }}
{{- range $server := list .broker .store .otlp }}
{{- include "contato.toServer" $server }}
{{- end }}
{{- end }}
{{- end }}

{{/* Rule of a role that reads tokens to who issues them: only where there is one. */}}
{{- define "contato.toIssuer" -}}
{{- if or .Values.config.auth.issuer .Values.config.auth.jwks }}
{{- include "contato.toServer" .Values.networkPolicy.issuer }}
{{- end }}
{{- end }}

{{/* Rules of a role for those who may ask it: root, port, and peers. */}}
{{- define "contato.fromPeers" -}}
{{- include "contato.edge" (dict "way" "from" "peers" .peers "ports" (list .port)) }}
{{- end }}

{{/* Rule of a role for who reads its metrics. */}}
{{- define "contato.fromScrapers" -}}
{{- include "contato.fromPeers" (dict "peers" .root.Values.networkPolicy.scrapers "port" (include "contato.managementPort" .)) }}
{{- end }}

{{/* A NetworkPolicy of one part: root, component, rules `in` and `out` as text, and annotations, if any. */}}
{{- define "contato.policy" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
{{ include "contato.metadata" . }}
spec:
  podSelector:
    matchLabels:
      {{- include "contato.selectorLabels" . | nindent 6 }}
  policyTypes:
    - Ingress
    - Egress
  ingress:
    {{- .in | default "" | trim | default "[]" | nindent 4 }}
  egress:
    {{- .out | default "" | trim | default "[]" | nindent 4 }}
{{- end }}

{{/*
Whether something of a custom kind is wanted: root, wanted (true, false or "auto") and api. "auto" asks the cluster whether it
knows the kind; a mere rendering is told so by --api-versions.
*/}}
{{- define "contato.wanted" -}}
{{- if eq (toString .wanted) "auto" -}}
{{- if .root.Capabilities.APIVersions.Has .api -}}yes{{- end -}}
{{- else if .wanted -}}yes{{- end -}}
{{- end }}

{{/* Head of an object: root, component, and suffix of its name (else the component), labels and annotations of its own. */}}
{{- define "contato.metadata" -}}
metadata:
  name: {{ include "contato.fullname" .root }}-{{ .suffix | default .component }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "contato.labels" (dict "root" .root "component" .component) | nindent 4 }}
    {{- with .labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with include "contato.annotations" (dict "root" .root "annotations" .annotations) }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* Who may call a role's HTTP listener: the controllers of what exposes it, those that are named, and the test of the API. */}}
{{- define "contato.callers" -}}
{{- $key := include "contato.valuesKey" . }}
{{- $values := .root.Values }}
{{- $peers := index $values.networkPolicy.clients $key }}
{{- range $way := list $values.ingress $values.gateway }}
{{- if and $way.enabled (index $way $key).enabled }}
{{- $peers = concat $peers $values.networkPolicy.controllers | uniq }}
{{- end }}
{{- end }}
{{- if and $values.tests.enabled (eq .component "producer-api") }}
{{- $peers = concat $peers (include "contato.pods" (dict "root" .root "component" "smoke") | fromYamlArray) }}
{{- end }}
{{- toYaml $peers }}
{{- end }}
