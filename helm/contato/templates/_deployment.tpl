{{/* The Deployment of a role. */}}

{{/* How long a role's pods may take to end: what it is given, or what `shutdown` adds up to with a margin to let go. */}}
{{- define "contato.gracePeriod" -}}
{{- $shutdown := .root.Values.shutdown -}}
{{- $key := include "contato.valuesKey" . -}}
{{- $needed := add (include "contato.preStop" .) $shutdown.drainSeconds $shutdown.deadlineSeconds 5 -}}
{{- $given := (index .root.Values $key).terminationGracePeriodSeconds -}}
{{- if and $given (lt (int64 $given) (int64 $needed)) -}}
{{- fail (printf "%s.terminationGracePeriodSeconds: %d is too short; shutdown needs %d (preStopSeconds, drainSeconds, deadlineSeconds, and 5 to let go). Leave it out, raise it, or lower those" $key (int64 $given) (int64 $needed)) -}}
{{- end -}}
{{- default $needed $given | int64 -}}
{{- end -}}

{{/* How long a pod of a role waits before it is told to end. Nobody calls consumer-worker, so it does not. */}}
{{- define "contato.preStop" -}}
{{- if include "contato.httpPort" . -}}
{{- int .root.Values.shutdown.preStopSeconds -}}
{{- else -}}
0
{{- end -}}
{{- end -}}

{{/* How many pods there are; nothing where something else decides. */}}
{{- define "contato.replicas" -}}
{{- $key := include "contato.valuesKey" . -}}
{{- $values := index .root.Values $key -}}
{{- $scaler := "" -}}
{{- if and (hasKey $values "autoscaling") ($values.autoscaling).enabled -}}
{{- $scaler = "autoscaling" -}}
{{- else if and (hasKey $values "keda") ($values.keda).enabled -}}
{{- $scaler = "keda" -}}
{{- end -}}
{{- if not $scaler -}}
replicas: {{ if kindIs "invalid" $values.replicas }}2{{ else }}{{ int $values.replicas }}{{ end }}
{{- else if not (kindIs "invalid" $values.replicas) -}}
{{- fail (printf "%s.replicas and %s.%s.enabled: both would say how many pods there are; leave replicas out (null), and set minReplicas" $key $key $scaler) -}}
{{- end -}}
{{- end -}}

{{/*
All probes ask the management listener, which has neither quota nor many connections: whatever floods the public one must
not restart the pods, nor take them out one by one and flood the rest. /livez and /readyz look neither at broker nor at SQL.
*/}}
{{- define "contato.probes" -}}
startupProbe:
  httpGet: {path: /livez, port: management}
  periodSeconds: 2
  timeoutSeconds: 2
  failureThreshold: 30
livenessProbe:
  httpGet: {path: /livez, port: management}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 3
readinessProbe:
  httpGet: {path: /readyz, port: management}
  periodSeconds: 5
  timeoutSeconds: 3
  failureThreshold: 2
{{- end -}}

{{- define "contato.topologySpread" -}}
{{- $spread := (index .root.Values (include "contato.valuesKey" .)).topologySpread -}}
{{- if $spread.enabled }}
topologySpreadConstraints:
  {{- range $spread.keys }}
  - topologyKey: {{ . }}
    maxSkew: 1
    whenUnsatisfiable: {{ $spread.whenUnsatisfiable }}
    labelSelector:
      matchLabels:
        {{- include "contato.selectorLabels" $ | nindent 8 }}
    {{- /* Each version by itself: the old pods, which go, must not push the new ones together. */}}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end -}}

{{- define "contato.container" -}}
{{- $values := index .root.Values (include "contato.valuesKey" .) -}}
name: {{ .component }}
image: {{ include "contato.image" . }}
imagePullPolicy: {{ .root.Values.image.pullPolicy }}
securityContext:
  {{- include "contato.containerSecurityContext" . | nindent 2 }}
envFrom:
  - configMapRef:
      name: {{ include "contato.configName" .root }}
env:
  {{- include "contato.fileVariables" . | trim | nindent 2 }}
  {{- with $values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  {{- with include "contato.httpPort" . }}
  - {name: http, containerPort: {{ . }}, protocol: TCP}
  {{- end }}
  - {name: management, containerPort: {{ include "contato.managementPort" . }}, protocol: TCP}
{{ include "contato.probes" . }}
{{- with include "contato.preStop" . | int }}
{{- /* Kubernetes itself sleeps: there is no shell in the image. */}}
lifecycle:
  preStop:
    sleep: {seconds: {{ . }}}
{{- end }}
resources:
  {{- toYaml $values.resources | nindent 2 }}
terminationMessagePolicy: FallbackToLogsOnError
volumeMounts:
  {{- include "contato.mounts" . | nindent 2 }}
  {{- with $values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "contato.deployment" -}}
{{- $values := index .root.Values (include "contato.valuesKey" .) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ include "contato.componentName" . }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "contato.labels" . | nindent 4 }}
  {{- with include "contato.annotations" (dict "root" .root) | trim }}
    {{- . | nindent 2 }}
  {{- end }}
spec:
  {{- with include "contato.replicas" . | trim }}
    {{- . | nindent 2 }}
  {{- end }}
  revisionHistoryLimit: 5
  minReadySeconds: 10
  progressDeadlineSeconds: 600
  strategy:
    type: RollingUpdate
    rollingUpdate: {maxUnavailable: 0, maxSurge: 1}
  selector:
    matchLabels:
      {{- include "contato.selectorLabels" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "contato.podLabels" (dict "root" .root "component" .component "labels" $values.podLabels) | nindent 8 }}
      annotations:
        checksum/config: {{ include "contato.variables" .root | sha256sum }}
        checksum/secrets: {{ .root.Values.secrets.revision | toString | sha256sum }}
        {{- with merge (deepCopy $values.podAnnotations) .root.Values.commonAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      {{- include "contato.podSpec" (dict "root" .root "account" .component) | nindent 6 }}
      terminationGracePeriodSeconds: {{ include "contato.gracePeriod" . }}
      {{- with include "contato.topologySpread" . | trim }}
        {{- . | nindent 6 }}
      {{- end }}
      {{- with include "contato.placement" $values | trim }}
        {{- . | nindent 6 }}
      {{- end }}
      containers:
        - {{ include "contato.container" . | indent 10 | trim }}
      volumes:
        {{- include "contato.volumes" . | nindent 8 }}
        {{- with $values.extraVolumes }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end -}}
