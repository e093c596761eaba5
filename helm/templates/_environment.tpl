{{/* A setting as the text of a variable. Helm reads numbers as floats, and would write 1000000 as 1e+06, which the bridge refuses. */}}
{{- define "gemini-kafka-bridge.text" -}}
{{- if kindIs "float64" . }}{{ int64 . }}{{ else if kindIs "slice" . }}{{ join "," . }}{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{/* YAML reads a bare `off` as false. */}}
{{- define "gemini-kafka-bridge.webhooksMode" -}}
{{- default "off" .Values.config.webhooks.mode -}}
{{- end -}}

{{/* The variables of all settings, as YAML. Empty ones are left out: the bridge reads an empty variable as unset. */}}
{{- define "gemini-kafka-bridge.environment" -}}
{{- $config := .Values.config -}}
{{- $oidc := $config.access.oidc -}}
{{- $settings := dict
  "PUBLIC_URL" $config.publicUrl
  "ACK_BUDGET_MS" $config.ackBudgetMs
  "SHUTDOWN_TIMEOUT_MS" $config.shutdownTimeoutMs
  "LOG_LEVEL" $config.logLevel
  "KAFKA_BROKERS" $config.kafka.brokers
  "KAFKA_CLIENT_ID" $config.kafka.clientId
  "PUBLISH_QUEUE_MAX" $config.kafka.queueMax
  "KAFKA_SASL_MECHANISM" $config.kafka.sasl.mechanism
  "KAFKA_SASL_USERNAME" $config.kafka.sasl.username
  "KAFKA_TLS" (eq (toString $config.kafka.tls.enabled) "auto" | ternary "" (toString $config.kafka.tls.enabled))
  "TOPIC_PREFIX" $config.topics.prefix
  "TOPICS_MODE" $config.topics.mode
  "TOPIC_PARTITIONS" $config.topics.partitions
  "TOPIC_REPLICATION" $config.topics.replication
  "TOPIC_MIN_ISR" $config.topics.minIsr
  "TOPIC_RETENTION_HOURS" $config.topics.retentionHours
  "JWKS_URL" $config.signature.jwksUrl
  "JWKS_STALE_HOURS" $config.signature.jwksStaleHours
  "JWT_AUDIENCE" $config.token.audience
  "JWT_ISSUER" $config.token.issuer
  "JWT_MAX_AGE_SECONDS" $config.token.maxAgeSeconds
  "JWT_BODY_HASH_CLAIM" $config.token.bodyHashClaim
  "JWT_UNBOUND_BODY" $config.token.unboundBody
  "DEDUPE_STORE" $config.dedupe.store
  "DEDUPE_TTL_HOURS" $config.dedupe.ttlHours
  "DEDUPE_ON_ERROR" $config.dedupe.onError
  "DEDUPE_MEMORY_MAX" $config.dedupe.memoryMax
  "REDIS_URL" $config.redis.url
  "REDIS_KEY_PREFIX" (empty $config.redis.url | ternary "" $config.redis.keyPrefix)
  "GEMINI_URL" $config.gemini.url
  "VAULT_KUBERNETES_SECRET" $config.vault.kubernetesSecret
  "WEBHOOKS" (empty $config.webhooks.declared | ternary "" (toJson $config.webhooks.declared))
  "WEBHOOKS_MODE" (include "gemini-kafka-bridge.webhooksMode" .)
  "WEBHOOKS_INTERVAL_SECONDS" $config.webhooks.intervalSeconds
  "WEBHOOKS_OWNER" $config.webhooks.owner
  "WEBHOOKS_REVIVE_MAX" $config.webhooks.reviveMax
  "ROTATE_EVERY_DAYS" $config.webhooks.rotateEveryDays
  "JOB_RETENTION_HOURS" $config.jobs.retentionHours
  "JOB_LOOK_AFTER_SECONDS" $config.jobs.lookAfterSeconds
  "JOB_SETTLE_SECONDS" $config.jobs.settleSeconds
  "JOB_GIVE_UP_SECONDS" $config.jobs.giveUpSeconds
  "JOB_CALLS_PER_MINUTE" $config.jobs.callsPerMinute
  "API_OIDC_ISSUER" $oidc.issuer
  "API_OIDC_AUDIENCE" $oidc.audience
  "API_OIDC_SCOPES" $oidc.scopes
  "API_OIDC_SUBJECTS" $oidc.subjects
  "API_AUTH" (empty $config.access.open | ternary "" "none")
  "API_RATE_PER_MINUTE" $config.access.ratePerMinute
-}}
{{- if $config.tracing.endpoint -}}
{{- $settings = merge $settings (fromYaml (include "gemini-kafka-bridge.tracing" $config.tracing)) -}}
{{- end -}}
{{- range $name, $variable := fromYaml (include "gemini-kafka-bridge.credentialVariables" .) -}}
{{- if include "gemini-kafka-bridge.isGiven" (index $.Values.credentials $name) -}}
{{- $_ := set $settings $variable (printf "/etc/gemini-kafka-bridge/credentials/%s/value" $name) -}}
{{- end -}}
{{- end -}}
{{- range $variable, $setting := $settings -}}
{{- with include "gemini-kafka-bridge.text" $setting }}
{{ $variable }}: {{ . | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "gemini-kafka-bridge.tracing" -}}
{{- $attributes := list -}}
{{- range $name, $value := .resourceAttributes -}}
{{- $attributes = append $attributes (printf "%s=%s" $name $value) -}}
{{- end -}}
OTEL_EXPORTER_OTLP_ENDPOINT: {{ .endpoint | quote }}
OTEL_EXPORTER_OTLP_PROTOCOL: {{ .protocol | quote }}
OTEL_EXPORTER_OTLP_TIMEOUT: {{ include "gemini-kafka-bridge.text" .timeoutMs | quote }}
OTEL_SERVICE_NAME: {{ .serviceName | quote }}
OTEL_RESOURCE_ATTRIBUTES: {{ join "," $attributes | quote }}
OTEL_TRACES_SAMPLER: {{ .sampler | quote }}
OTEL_TRACES_SAMPLER_ARG: {{ toString .samplerArg | quote }}
{{- end -}}
