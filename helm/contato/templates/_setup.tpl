{{/* What the setup job does. */}}

{{- define "contato.setupUsers" -}}
{{- $roles := list "producer-api" "consumer-worker" "dlq-function" -}}
{{- $root := .root -}}
{{- if eq $root.Values.secrets.provider "csi" }}
{{- /* Classes of its own: one of a role asks with the identity of that role, and brings more than the job needs. */}}
{{- $setup := include "contato.ownSecret" (dict "root" $root "component" "setup") }}
{{- range $roles }}
{{ include "contato.csiVolume" (dict "root" $root "name" (printf "user-%s" .) "class" (printf "%s-%s" $setup .)) }}
{{- end }}
{{- if $root.Values.consumerWorker.keda.enabled }}
- name: user-keda
  secret:
    secretName: {{ include "contato.kedaSecret" $root }}
    defaultMode: 0444
    items:
      - {key: host, path: host}
{{- end }}
{{- else }}
- name: users
  projected:
    defaultMode: 0444
    sources:
      {{- range $roles }}
      - secret:
          name: {{ include "contato.ownSecret" (dict "root" $root "component" .) }}
          items:
            - {key: broker-url, path: {{ . }}/broker-url}
            - {key: store-url, path: {{ . }}/store-url}
      {{- end }}
      {{- if $root.Values.consumerWorker.keda.enabled }}
      - secret:
          name: {{ include "contato.kedaSecret" $root }}
          items:
            - {key: host, path: keda/host}
      {{- end }}
{{- end }}
{{- end -}}

{{/* The Secret that KEDA asks the broker with. */}}
{{- define "contato.kedaSecret" -}}
{{- include "contato.secretName" (dict "root" . "key" "consumerWorker.keda.existingSecret" "for" "host, where KEDA asks the broker" "value" .Values.consumerWorker.keda.existingSecret) -}}
{{- end -}}

{{- define "contato.setupUserMounts" -}}
{{- if eq .root.Values.secrets.provider "csi" }}
{{- range list "producer-api" "consumer-worker" "dlq-function" }}
- {name: user-{{ . }}, mountPath: /run/secrets/contato-users/{{ . }}, readOnly: true}
{{- end }}
{{- if .root.Values.consumerWorker.keda.enabled }}
- {name: user-keda, mountPath: /run/secrets/contato-users/keda, readOnly: true}
{{- end }}
{{- else }}
- {name: users, mountPath: /run/secrets/contato-users, readOnly: true}
{{- end }}
{{- end -}}

{{- define "contato.setupSpec" -}}
{{- $values := .root.Values.setup -}}
backoffLimit: {{ int $values.backoffLimit }}
activeDeadlineSeconds: {{ int $values.activeDeadlineSeconds }}
{{- if not $values.hook }}
ttlSecondsAfterFinished: {{ int $values.ttlSecondsAfterFinished }}
{{- end }}
template:
  metadata:
    labels:
      {{- include "contato.podLabels" (dict "root" .root "component" "setup" "labels" $values.podLabels) | nindent 6 }}
    {{- with include "contato.annotations" (dict "root" .root "annotations" $values.podAnnotations) | trim }}
      {{- . | nindent 4 }}
    {{- end }}
  spec:
    {{- include "contato.podSpec" (dict "root" .root "account" "setup") | nindent 4 }}
    restartPolicy: Never
    {{- with include "contato.placement" $values | trim }}
      {{- . | nindent 4 }}
    {{- end }}
    containers:
      - name: setup
        image: {{ include "contato.image" . }}
        imagePullPolicy: {{ .root.Values.image.pullPolicy }}
        args:
          - setup
          - --broker-management
          - /run/secrets/contato/broker-management-url
          {{- if $values.users }}
          - --users
          - /run/secrets/contato-users
          {{- end }}
        securityContext:
          {{- include "contato.containerSecurityContext" . | nindent 10 }}
        env:
          {{- range $variable, $value := include "contato.variables" .root | fromYaml }}
          - {name: {{ $variable }}, value: {{ $value | quote }}}
          {{- end }}
          {{- include "contato.fileVariables" . | trim | nindent 10 }}
          {{- with $values.extraEnv }}
          {{- toYaml . | nindent 10 }}
          {{- end }}
        resources:
          {{- toYaml $values.resources | nindent 10 }}
        terminationMessagePolicy: FallbackToLogsOnError
        volumeMounts:
          {{- include "contato.mounts" . | nindent 10 }}
          {{- if $values.users }}
          {{- include "contato.setupUserMounts" . | trim | nindent 10 }}
          {{- end }}
    volumes:
      {{- include "contato.volumes" . | nindent 6 }}
      {{- if $values.users }}
      {{- include "contato.setupUsers" . | trim | nindent 6 }}
      {{- end }}
{{- end -}}
