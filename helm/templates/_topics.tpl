{{/* The topics of src/events/event-topics.ts. A test compares both. */}}
{{- define "gemini-kafka-bridge.topics" -}}
{{- $prefix := .Values.config.topics.prefix -}}
{{- range list "batch.succeeded" "batch.failed" "batch.expired" "batch.cancelled" "interaction.requires_action" "interaction.completed" "interaction.failed" "interaction.cancelled" "video.generated" "other" }}
- {{ $prefix }}.{{ . }}
{{- end }}
- {{ $prefix }}-bridge.jobs
- {{ $prefix }}-bridge.dead-letter
{{- end -}}

{{- define "gemini-kafka-bridge.strimziLabels" -}}
strimzi.io/cluster: {{ .Values.strimzi.cluster | quote }}
{{- end -}}
