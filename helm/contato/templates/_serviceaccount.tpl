{{/* A ServiceAccount that may do nothing: no role is bound to it. `annotations` are its own, beside those of the values. */}}
{{- define "contato.serviceAccount" -}}
{{- $own := (index .root.Values (include "contato.valuesKey" .)).serviceAccount -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "contato.serviceAccountName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "contato.labels" . | nindent 4 }}
    {{- with $own.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with include "contato.annotations" (dict "root" .root "annotations" (merge (deepCopy $own.annotations) (default dict .annotations))) | trim }}
    {{- . | nindent 2 }}
  {{- end }}
automountServiceAccountToken: false
{{- end -}}
