{{/* What is refused although each value by itself is fine. Every message begins with the value and says what to do. */}}
{{- define "contato.checks" -}}
{{- include "contato.checkSecretsOfConfig" . -}}
{{- include "contato.checkAuth" . -}}
{{- include "contato.checkProxies" . -}}
{{- include "contato.checkConsole" . -}}
{{- include "contato.checkRoles" . -}}
{{- end -}}

{{/* Secrets are never values: those are kept in the release and shown by `helm get values`. */}}
{{- define "contato.checkSecretsOfConfig" -}}
{{- $config := .Values.config -}}
{{- $broker := default dict $config.broker -}}
{{- $store := default dict $config.store -}}
{{- $console := default dict (default dict $config.dlqFunction).console -}}
{{- range list
  (list "broker.url" $broker.url "broker-url" "the existingSecret of each role")
  (list "store.url" $store.url "store-url" "the existingSecret of each role")
  (list "store.readUrl" $store.readUrl "store-read-url" "producerApi.existingSecret, with producerApi.secretKeys.storeReadUrl=true")
  (list "ids.key" (default dict $config.ids).key "ids-key" "secrets.ids.existingSecret")
  (list "deadLetters.keys" (default dict $config.deadLetters).keys "dead-letters-keys" "dlqFunction.existingSecret")
  (list "producerApi.gatewayKey" (default dict $config.producerApi).gatewayKey "gateway-key" "producerApi.existingSecret, with producerApi.secretKeys.gatewayKey=true")
  (list "dlqFunction.console.operators" $console.operators "operators" "dlqFunction.existingSecret, with dlqFunction.secretKeys.operators=true")
  (list "dlqFunction.console.oidc.clientSecret" (default dict $console.oidc).clientSecret "oidc-client-secret" "dlqFunction.existingSecret, with dlqFunction.secretKeys.oidcClientSecret=true")
-}}
{{- if index . 1 -}}
{{- fail (printf "config.%s: this is a secret and no value; put it as %s into the Secret that is named by %s" (index . 0) (index . 2) (index . 3)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Prints whatever leads to a role from outside of the cluster. */}}
{{- define "contato.exposed" -}}
{{- $values := .Values -}}
{{- $ways := list -}}
{{- range list "producerApi" "dlqFunction" -}}
{{- if ne (index $values .).service.type "ClusterIP" -}}
{{- $ways = append $ways (printf "%s.service.type=%s" . (index $values .).service.type) -}}
{{- end -}}
{{- end -}}
{{- if $values.ingress.enabled -}}{{- $ways = append $ways "ingress.enabled" -}}{{- end -}}
{{- if $values.gateway.enabled -}}{{- $ways = append $ways "gateway.enabled" -}}{{- end -}}
{{- join ", " $ways -}}
{{- end -}}

{{- define "contato.checkAuth" -}}
{{- $auth := default dict .Values.config.auth -}}
{{- if ne (default "none" $auth.mode) "required" -}}
{{- with include "contato.exposed" . -}}
{{- fail (printf "config.auth.mode: with none, whoever gets to the address may do everything, and %s leads there from outside; set config.auth.mode=required, or take that away" .) -}}
{{- end -}}
{{- if not $auth.noneBeyondLoopback -}}
{{- fail "config.auth.mode: with none the pods refuse to start, since they listen beyond themselves; set config.auth.mode=required, or config.auth.noneBeyondLoopback=true where something else decides who gets to them" -}}
{{- end -}}
{{- else if not (or .Values.secrets.apiKeys.enabled $auth.issuer) -}}
{{- fail "config.auth.mode: with required nobody can call; set secrets.apiKeys.enabled=true, or config.auth.issuer and config.auth.audience" -}}
{{- end -}}
{{- if and $auth.issuer (not $auth.audience) -}}
{{- fail "config.auth.issuer: say with config.auth.audience what tokens must be for" -}}
{{- end -}}
{{- end -}}

{{/* Else all callers share one quota, and the console takes its cookies for sent over http. */}}
{{- define "contato.checkProxies" -}}
{{- if and (or .Values.ingress.enabled .Values.gateway.enabled) (not (default dict .Values.config.http).trustedProxies) -}}
{{- fail "config.http.trustedProxies: behind an ingress or a gateway, name the networks of its pods, such as [10.244.0.0/16]; without them all callers share one quota" -}}
{{- end -}}
{{- end -}}

{{- define "contato.checkConsole" -}}
{{- $console := default dict (default dict .Values.config.dlqFunction).console -}}
{{- if (default dict $console.oidc).clientId -}}
{{- if not (default dict .Values.config.auth).issuer -}}
{{- fail "config.dlqFunction.console.oidc.clientId: set config.auth.issuer, where people sign in" -}}
{{- end -}}
{{- if not $console.publicUrl -}}
{{- fail "config.dlqFunction.console.oidc.clientId: set config.dlqFunction.console.publicUrl, where the issuer sends people back to, such as https://console.example" -}}
{{- end -}}
{{- else if .Values.dlqFunction.secretKeys.oidcClientSecret -}}
{{- fail "dlqFunction.secretKeys.oidcClientSecret: set config.dlqFunction.console.oidc.clientId, too, or leave it false" -}}
{{- end -}}
{{- end -}}

{{- define "contato.checkRoles" -}}
{{- $values := .Values -}}
{{- range list "producerApi" "consumerWorker" "dlqFunction" "setup" -}}
{{- $key := . -}}
{{- range (index $values .).extraEnv -}}
{{- if hasPrefix "CONTATO__" .name -}}
{{- fail (printf "%s.extraEnv: %s is a setting; set it in config, where it is checked, and secrets in the role's Secret" $key .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (or .Values.ca.broker .Values.ca.store) (not .Values.ca.existingSecret) -}}
{{- fail "ca.existingSecret: name the Secret with broker-ca.crt or store-ca.crt, or set ca.broker and ca.store to false" -}}
{{- end -}}
{{- end -}}
