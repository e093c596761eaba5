{{/* Not empty if several processes can share the work: their leases are in Redis, and all of them know the published ids. */}}
{{- define "gemini-kafka-bridge.isShared" -}}
{{- if and .Values.config.redis.url (ne .Values.config.dedupe.store "memory") }}yes{{ end -}}
{{- end -}}

{{- define "gemini-kafka-bridge.replicas" -}}
{{- if eq (toString .Values.replicaCount) "auto" -}}
{{ include "gemini-kafka-bridge.isShared" . | empty | ternary 1 2 }}
{{- else -}}
{{ int .Values.replicaCount }}
{{- end -}}
{{- end -}}

{{/* Not empty if there are, or can be, several replicas. */}}
{{- define "gemini-kafka-bridge.hasSeveral" -}}
{{- if or .Values.autoscaling.enabled (gt (int (include "gemini-kafka-bridge.replicas" .)) 1) }}yes{{ end -}}
{{- end -}}
