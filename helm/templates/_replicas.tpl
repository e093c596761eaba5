{{/* Not empty when two processes know of each other: who is publishing what is in Redis, what was published where both look. */}}
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

{{/* Not empty when there is, or may be, more than one. */}}
{{- define "gemini-kafka-bridge.hasSeveral" -}}
{{- if or .Values.autoscaling.enabled (gt (int (include "gemini-kafka-bridge.replicas" .)) 1) }}yes{{ end -}}
{{- end -}}
