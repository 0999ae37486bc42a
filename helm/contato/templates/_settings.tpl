{{/*
Settings as variables: `http.rateLimit` is CONTATO__HTTP__RATE_LIMIT. Secrets are files, and the variables that name them end in
_FILE. What the chart decides itself (addresses, shutdown, files) is nowhere in `config`: values.schema.json refuses it.
*/}}

{{/* A value as text: numbers without an exponent, lists with commas between. */}}
{{- define "contato.text" -}}
{{- if kindIs "slice" . -}}
{{- join "," . -}}
{{- else if and (kindIs "float64" .) (eq . (floor .)) -}}
{{- int64 . -}}
{{- else -}}
{{- . -}}
{{- end -}}
{{- end -}}

{{- define "contato.flatten" -}}
{{- $prefix := .prefix -}}
{{- range $key, $value := .settings }}
{{- $variable := printf "%s__%s" $prefix (regexReplaceAll "([A-Z])" $key "_${1}" | upper) }}
{{- if kindIs "map" $value }}
{{- include "contato.flatten" (dict "prefix" $variable "settings" $value) }}
{{- else if not (kindIs "invalid" $value) }}
{{ $variable }}: {{ include "contato.text" $value | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The variables of all roles: those of `config`, and what the chart decides. */}}
{{- define "contato.variables" -}}
{{- $every := "0.0.0.0" -}}
{{- $decided := dict
  "producerApi" (dict
    "listen" (printf "%s:%s" $every (include "contato.httpPort" (dict "component" "producer-api")))
    "management" (printf "%s:%s" $every (include "contato.managementPort" (dict "component" "producer-api"))))
  "consumerWorker" (dict
    "management" (printf "%s:%s" $every (include "contato.managementPort" (dict "component" "consumer-worker"))))
  "dlqFunction" (dict
    "listen" (printf "%s:%s" $every (include "contato.httpPort" (dict "component" "dlq-function")))
    "management" (printf "%s:%s" $every (include "contato.managementPort" (dict "component" "dlq-function"))))
  "shutdown" (dict
    "drain" (printf "%ds" (int .Values.shutdown.drainSeconds))
    "deadline" (printf "%ds" (int .Values.shutdown.deadlineSeconds)))
-}}
{{- include "contato.flatten" (dict "prefix" "CONTATO" "settings" (merge $decided (deepCopy .Values.config))) | trim -}}
{{- end -}}

{{/* The name of the ConfigMap. An immutable one has another for each content. */}}
{{- define "contato.configName" -}}
{{- $name := printf "%s-config" (include "contato.fullname" .) -}}
{{- if .Values.immutableConfig -}}
{{- printf "%s-%s" $name (include "contato.variables" . | sha256sum | trunc 10) -}}
{{- else -}}
{{- $name -}}
{{- end -}}
{{- end -}}

{{/* The files that a component has of its own Secret, as a map from settings to names. */}}
{{- define "contato.files" -}}
BROKER__URL: broker-url
STORE__URL: store-url
{{- if eq .component "producer-api" }}
{{- if .root.Values.producerApi.secretKeys.storeReadUrl }}
STORE__READ_URL: store-read-url
{{- end }}
{{- if .root.Values.producerApi.secretKeys.gatewayKey }}
PRODUCER_API__GATEWAY_KEY: gateway-key
{{- end }}
{{- else if eq .component "dlq-function" }}
DEAD_LETTERS__KEYS: dead-letters-keys
{{- if .root.Values.dlqFunction.secretKeys.operators }}
DLQ_FUNCTION__CONSOLE__OPERATORS: operators
{{- end }}
{{- if .root.Values.dlqFunction.secretKeys.oidcClientSecret }}
DLQ_FUNCTION__CONSOLE__OIDC__CLIENT_SECRET: oidc-client-secret
{{- end }}
{{- end }}
{{- end -}}

{{/* Whether a component knows the API keys: prints something if so. */}}
{{- define "contato.knowsApiKeys" -}}
{{- if and .root.Values.secrets.apiKeys.enabled (has .component (list "producer-api" "dlq-function")) -}}yes{{- end -}}
{{- end -}}

{{/* The variables that name a component's files. */}}
{{- define "contato.fileVariables" -}}
{{- range $setting, $file := include "contato.files" . | fromYaml }}
- {name: CONTATO__{{ $setting }}_FILE, value: /run/secrets/contato/{{ $file }}}
{{- end }}
{{- if ne .component "setup" }}
- {name: CONTATO__IDS__KEY_FILE, value: /run/secrets/contato/ids-key}
{{- end }}
{{- if include "contato.knowsApiKeys" . }}
- {name: CONTATO__AUTH__API_KEYS, value: /run/secrets/contato-api-keys/keys.json}
{{- end }}
{{- if .root.Values.ca.broker }}
- {name: CONTATO__BROKER__CA_FILE, value: /run/secrets/contato-ca/broker-ca.crt}
{{- end }}
{{- if .root.Values.ca.store }}
- {name: CONTATO__STORE__CA_FILE, value: /run/secrets/contato-ca/store-ca.crt}
{{- end }}
{{- end -}}
