{{/* What the pods have in common: whom they run as, their files, where they may be. */}}

{{/* The names of the Secrets, or with CSI of the SecretProviderClasses. */}}
{{- define "contato.ownSecret" -}}
{{- $key := include "contato.valuesKey" . -}}
{{- $for := get (dict
  "producer-api" "broker-url and store-url of producer-api"
  "consumer-worker" "broker-url and store-url of consumer-worker"
  "dlq-function" "broker-url, store-url and dead-letters-keys of dlq-function"
  "setup" "broker-url and broker-management-url of an administrator and store-url of the database's owner"
) .component -}}
{{- include "contato.secretName" (dict "root" .root "key" (printf "%s.existingSecret" $key) "for" $for "value" (index .root.Values $key).existingSecret) -}}
{{- end -}}

{{/* A volume of the Secrets Store CSI driver: `name`, and `class`. */}}
{{- define "contato.csiVolume" -}}
- name: {{ .name }}
  csi:
    driver: {{ .root.Values.secrets.csi.driver }}
    readOnly: true
    volumeAttributes:
      secretProviderClass: {{ .class }}
{{- end -}}

{{/* The volume `secrets`: the component's own files, and the secret behind the ids. */}}
{{- define "contato.secretsVolume" -}}
{{- if eq .root.Values.secrets.provider "csi" -}}
{{- include "contato.csiVolume" (dict "root" .root "name" "secrets" "class" (include "contato.ownSecret" .)) -}}
{{- else -}}
- name: secrets
  projected:
    {{- /* Readable for the container's user, who owns nothing; there is one container. */}}
    defaultMode: 0444
    sources:
      - secret:
          name: {{ include "contato.ownSecret" . }}
          items:
            {{- range $file := include "contato.files" . | fromYaml | values | sortAlpha }}
            - {key: {{ $file }}, path: {{ $file }}}
            {{- end }}
            {{- if eq .component "setup" }}
            - {key: broker-management-url, path: broker-management-url}
            {{- end }}
      {{- if ne .component "setup" }}
      - secret:
          name: {{ include "contato.secretName" (dict "root" .root "key" "secrets.ids.existingSecret" "for" "ids-key" "value" .root.Values.secrets.ids.existingSecret) }}
          items:
            - {key: ids-key, path: ids-key}
      {{- end }}
{{- end -}}
{{- end -}}

{{/* A volume of one Secret, or with CSI of one class: `name`, `secret`, and `file`, the one that is taken. */}}
{{- define "contato.fileVolume" -}}
{{- if eq .root.Values.secrets.provider "csi" -}}
{{- include "contato.csiVolume" (dict "root" .root "name" .name "class" .secret) -}}
{{- else -}}
- name: {{ .name }}
  secret:
    secretName: {{ .secret }}
    defaultMode: 0444
    items:
      - {key: {{ .file }}, path: {{ .file }}}
{{- end -}}
{{- end -}}

{{- define "contato.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .root.Values.podSecurity.tmpSize }}
{{ include "contato.secretsVolume" . }}
{{- if include "contato.knowsApiKeys" . }}
{{ include "contato.fileVolume" (dict "root" .root "name" "api-keys" "file" "keys.json" "secret" (include "contato.secretName" (dict "root" .root "key" "secrets.apiKeys.existingSecret" "for" "keys.json, or set secrets.apiKeys.enabled=false" "value" .root.Values.secrets.apiKeys.existingSecret))) }}
{{- end }}
{{- if or .root.Values.ca.broker .root.Values.ca.store }}
- name: ca
  secret:
    secretName: {{ include "contato.secretName" (dict "root" .root "key" "ca.existingSecret" "for" "broker-ca.crt or store-ca.crt" "value" .root.Values.ca.existingSecret) }}
    defaultMode: 0444
    items:
      {{- if .root.Values.ca.broker }}
      - {key: broker-ca.crt, path: broker-ca.crt}
      {{- end }}
      {{- if .root.Values.ca.store }}
      - {key: store-ca.crt, path: store-ca.crt}
      {{- end }}
{{- end }}
{{- end -}}

{{/* Folders, never single files: those would not change with the Secret. */}}
{{- define "contato.mounts" -}}
- {name: tmp, mountPath: /tmp}
- {name: secrets, mountPath: /run/secrets/contato, readOnly: true}
{{- if include "contato.knowsApiKeys" . }}
- {name: api-keys, mountPath: /run/secrets/contato-api-keys, readOnly: true}
{{- end }}
{{- if or .root.Values.ca.broker .root.Values.ca.store }}
- {name: ca, mountPath: /run/secrets/contato-ca, readOnly: true}
{{- end }}
{{- end -}}

{{/* The pod security standard `restricted`, and more: a root filesystem that nothing is written to. */}}
{{- define "contato.podSecurityContext" -}}
runAsNonRoot: true
{{- with .Values.podSecurity.runAsUser }}
runAsUser: {{ int64 . }}
{{- end }}
{{- with .Values.podSecurity.runAsGroup }}
runAsGroup: {{ int64 . }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "contato.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
runAsNonRoot: true
capabilities:
  drop: [ALL]
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Labels of a component's pods; `labels` are its own. */}}
{{- define "contato.podLabels" -}}
{{ include "contato.labels" . }}
{{- if .root.Values.serviceAccount.workloadIdentity }}
azure.workload.identity/use: "true"
{{- end }}
{{- with .labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* How every pod begins: its account, and what it may know of the cluster, which is nothing. `account` is a component. */}}
{{- define "contato.podSpec" -}}
serviceAccountName: {{ include "contato.serviceAccountName" (dict "root" .root "component" .account) }}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "contato.podSecurityContext" .root | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* Where a component's pods may be. */}}
{{- define "contato.placement" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
