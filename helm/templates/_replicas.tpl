{{- define "gemini-kafka-bridge.replicas" -}}
{{- if eq (toString .Values.replicaCount) "auto" -}}
{{ empty .Values.config.redis.url | ternary 1 2 }}
{{- else -}}
{{ int .Values.replicaCount }}
{{- end -}}
{{- end -}}

{{/* Not empty when there is, or may be, more than one. */}}
{{- define "gemini-kafka-bridge.hasSeveral" -}}
{{- if or .Values.autoscaling.enabled (gt (int (include "gemini-kafka-bridge.replicas" .)) 1) }}yes{{ end -}}
{{- end -}}
