{{/* An image of somebody else's, by digest where there is one. */}}
{{- define "contato.foreignImage" -}}
{{ .repository }}:{{ .tag }}{{ with .digest }}@{{ . }}{{ end }}
{{- end }}

{{- define "contato.lokiConfiguration" -}}
auth_enabled: false
server:
  http_listen_port: 3100
common:
  path_prefix: /var/loki
  instance_addr: 127.0.0.1
  replication_factor: 1
  ring:
    kvstore:
      store: inmemory
  storage:
    filesystem:
      chunks_directory: /var/loki/chunks
      rules_directory: /var/loki/rules
schema_config:
  configs:
    - from: "2024-04-01"
      store: tsdb
      object_store: filesystem
      schema: v13
      index:
        prefix: index_
        period: 24h
compactor:
  working_directory: /var/loki/compactor
  # Without it logs are kept for ever.
  retention_enabled: true
  delete_request_store: filesystem
limits_config:
  retention_period: {{ .retention }}
  volume_enabled: true
analytics:
  reporting_enabled: false
{{- end }}

{{- define "contato.collectorConfiguration" -}}
discovery.kubernetes "pods" {
  role = "pod"
  namespaces {
    own_namespace = true
  }
}

discovery.relabel "pods" {
  targets = discovery.kubernetes.pods.targets
  {{- range $label, $source := dict "namespace" "__meta_kubernetes_namespace" "pod" "__meta_kubernetes_pod_name" "container" "__meta_kubernetes_pod_container_name" "app" "__meta_kubernetes_pod_label_app_kubernetes_io_name" "job" "__meta_kubernetes_pod_label_app_kubernetes_io_component" }}
  rule {
    source_labels = [{{ $source | quote }}]
    target_label  = {{ $label | quote }}
  }
  {{- end }}
}

loki.source.kubernetes "pods" {
  targets    = discovery.relabel.pods.output
  forward_to = [loki.write.loki.receiver]
}

loki.write "loki" {
  endpoint {
    url = "http://{{ include "contato.fullname" . }}-loki:3100/loki/api/v1/push"
  }
}
{{- end }}
