{{/*
Names, labels and images. A component is producer-api, consumer-worker, dlq-function, setup, or what a template names;
`dict "root" $ "component" "producer-api"` is what most of these take. The pods of `helm test` are of the components smoke
(calls producer-api) and doctor (talks to broker and database).
*/}}

{{- define "contato.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* What the names of objects begin with. Short enough for the longest of them, -consumer-worker-management. */}}
{{- define "contato.fullname" -}}
{{- $name := include "contato.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- $name = .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- $name = .Release.Name -}}
{{- else -}}
{{- $name = printf "%s-%s" .Release.Name $name -}}
{{- end -}}
{{- $name | trunc 36 | trimSuffix "-" -}}
{{- end -}}

{{/* The name of a component's objects. */}}
{{- define "contato.componentName" -}}
{{- printf "%s-%s" (include "contato.fullname" .root) .component -}}
{{- end -}}

{{/* Where a component's values are: producerApi for producer-api. */}}
{{- define "contato.valuesKey" -}}
{{- .component | camelcase | untitle -}}
{{- end -}}

{{- define "contato.selectorLabels" -}}
app.kubernetes.io/name: {{ include "contato.name" .root }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "contato.labels" -}}
{{ include "contato.selectorLabels" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: contato
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with .root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The line `annotations:` with the common ones and those of `annotations`; nothing if there are none. */}}
{{- define "contato.annotations" -}}
{{- $annotations := mergeOverwrite (deepCopy .root.Values.commonAnnotations) (deepCopy (default dict .annotations)) -}}
{{- if $annotations -}}
annotations:
  {{- toYaml $annotations | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* The image of a component; setup's has all commands. */}}
{{- define "contato.image" -}}
{{- $values := .root.Values -}}
{{- $image := (index $values (include "contato.valuesKey" .)).image -}}
{{- $registry := required "image.registry: name the registry that your images are in, such as contato.azurecr.io; contato is published in none" $values.image.registry -}}
{{- if $image.digest -}}
{{- printf "%s/%s@%s" $registry $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s/%s:%s" $registry $image.repository (default .root.Chart.AppVersion $values.image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "contato.serviceAccountName" -}}
{{- $own := (index .root.Values (include "contato.valuesKey" .)).serviceAccount.name -}}
{{- if .root.Values.serviceAccount.create -}}
{{- default (include "contato.componentName" .) $own -}}
{{- else -}}
{{- required (printf "%s.serviceAccount.name: name a ServiceAccount that is there, or set serviceAccount.create=true" (include "contato.valuesKey" .)) $own -}}
{{- end -}}
{{- end -}}

{{/* The name of a Secret: `value` is a template, `key` is where it is in the values, `for` is what is in it. */}}
{{- define "contato.secretName" -}}
{{- $name := tpl (default "" .value) .root | trim -}}
{{- required (printf "%s: name the Secret with %s" .key .for) $name -}}
{{- end -}}

{{/* The port of a component's management listener. */}}
{{- define "contato.managementPort" -}}
{{- get (dict "producer-api" "9464" "consumer-worker" "9465" "dlq-function" "9466") .component -}}
{{- end -}}

{{/* The port of a component's HTTP listener. */}}
{{- define "contato.httpPort" -}}
{{- get (dict "producer-api" "8080" "dlq-function" "8081") .component -}}
{{- end -}}
