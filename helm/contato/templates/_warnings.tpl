{{/* What is allowed and should be known: lines for the notes. */}}
{{- define "contato.warnings" -}}
{{- $values := .Values -}}
{{- $auth := default dict $values.config.auth -}}
{{- $console := default dict (default dict $values.config.dlqFunction).console -}}
{{- if ne (default "none" $auth.mode) "required" }}
  * config.auth.mode=none: whoever gets to the pods may do everything.
{{- else if not (or $values.dlqFunction.secretKeys.operators (default dict $console.oidc).clientId) }}
  * Nobody can sign in to the console: set dlqFunction.secretKeys.operators, or config.dlqFunction.console.oidc.clientId.
{{- end }}
{{- if not $values.networkPolicy.enabled }}
  * networkPolicy.enabled=false: whatever runs in the cluster gets to the pods, also to the management listeners.
{{- end }}
{{- if and $values.networkPolicy.enabled $values.ca.broker (eq (int $values.networkPolicy.broker.port) 5672) }}
  * networkPolicy.broker.port=5672 with ca.broker: a broker listens at 5671 for TLS, and the pods do not get there.
{{- end }}
{{- range list "producerApi" "dlqFunction" }}
{{- $service := (index $values .).service }}
{{- if ne $service.type "ClusterIP" }}
  * {{ . }}.service.type={{ $service.type }}: keys and tokens go over it in the clear. TLS ends at an ingress or a gateway.
{{- if and $values.networkPolicy.enabled (not (index $values.networkPolicy.clients .)) }}
  * networkPolicy.clients.{{ . }} is empty: nobody gets through that Service.
{{- end }}
{{- if and (eq $service.type "LoadBalancer") (not $service.loadBalancerSourceRanges) }}
  * {{ . }}.service.loadBalancerSourceRanges is empty: everybody gets to the balancer.
{{- end }}
{{- end }}
{{- end }}
{{- range list "producerApi" "consumerWorker" "dlqFunction" }}
{{- $role := index $values . }}
{{- $scaled := or (default dict (get $role "autoscaling")).enabled (default dict (get $role "keda")).enabled }}
{{- if and (not $scaled) (not (kindIs "invalid" $role.replicas)) (lt (int (default 0 $role.replicas)) 2) }}
  * {{ . }}.replicas={{ int $role.replicas }}: nothing takes over while its pod is away.
{{- end }}
{{- if not (or $role.image.digest (and $values.image.tag (ne $values.image.tag "latest"))) }}
  * {{ . }}.image.digest is empty: a tag may name another image tomorrow.
{{- end }}
{{- end }}
{{- if not $values.setup.enabled }}
  * setup.enabled=false: run `contato setup` yourself before each upgrade; the roles refuse an older schema.
{{- end }}
{{- end -}}
