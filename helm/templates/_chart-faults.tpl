{{/* What the chart itself would make wrongly. */}}
{{- define "gemini-kafka-bridge.replicaFaults" -}}
{{- $scaling := .Values.autoscaling -}}
{{- $hasRedis := not (empty .Values.config.redis.url) -}}
{{- $replicas := int (include "gemini-kafka-bridge.replicas" .) -}}
{{- if and (not $hasRedis) (gt $replicas 1) }}
replicaCount: {{ $replicas }} replicas need config.redis.url, by which they know who is publishing what (or set replicaCount: 1)
{{- end }}
{{- if and $hasRedis (include "gemini-kafka-bridge.hasSeveral" .) (not (include "gemini-kafka-bridge.isShared" .)) }}
config.dedupe.store: memory is the memory of one process: several replicas need log or redis
{{- end }}
{{- if $scaling.enabled }}
{{- if not $hasRedis }}
autoscaling.enabled: several replicas need config.redis.url, by which they know who is publishing what
{{- end }}
{{- if ne (toString .Values.replicaCount) "auto" }}
replicaCount: leave it at auto: with autoscaling.enabled the autoscaler decides
{{- end }}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) }}
autoscaling.minReplicas: is larger than autoscaling.maxReplicas
{{- end }}
{{- if not (or $scaling.targetCPUUtilizationPercentage $scaling.metrics) }}
autoscaling.targetCPUUtilizationPercentage: set it or autoscaling.metrics: there is nothing to scale by
{{- end }}
{{- $replicas = int $scaling.minReplicas }}
{{- end }}
{{- $budget := .Values.podDisruptionBudget }}
{{- if and $budget.enabled (include "gemini-kafka-bridge.hasSeveral" .) (not (kindIs "string" $budget.maxUnavailable)) }}
{{- if and (ge (int $budget.maxUnavailable) $replicas) (gt $replicas 1) }}
podDisruptionBudget.maxUnavailable: lets all {{ $replicas }} replicas go at once: make it smaller
{{- end }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.routeFaults" -}}
{{- $url := .Values.config.publicUrl -}}
{{- $ingress := .Values.ingress -}}
{{- $route := .Values.httpRoute -}}
{{- if and $ingress.enabled (not $url) (not $ingress.host) }}
config.publicUrl: ingress.enabled needs it, or ingress.host
{{- end }}
{{- if and $ingress.enabled (include "gemini-kafka-bridge.publicPath" .) (not $ingress.annotations) }}
ingress.annotations: config.publicUrl has a path, so tell the controller to strip {{ include "gemini-kafka-bridge.publicPath" . }} (the bridge serves /webhooks/gemini), or use httpRoute, which does
{{- end }}
{{- if and $route.enabled (not $url) (not $route.hostnames) }}
config.publicUrl: httpRoute.enabled needs it, or httpRoute.hostnames
{{- end }}
{{- if and $route.enabled (not $route.parentRefs) }}
httpRoute.parentRefs: name the Gateway, as [{name: public, namespace: gateways}]
{{- end }}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
podMonitor.enabled: each pod would be scraped twice: unset it or serviceMonitor.enabled
{{- end }}
{{- $alerts := fromYamlArray (include "gemini-kafka-bridge.alertNames" .) }}
{{- range .Values.prometheusRule.disabledAlerts }}
{{- if not (has . $alerts) }}
prometheusRule.disabledAlerts: there is no alert {{ . }}, but {{ join ", " $alerts }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.strimziFaults" -}}
{{- $strimzi := .Values.strimzi -}}
{{- $sasl := .Values.config.kafka.sasl -}}
{{- if and (or $strimzi.topics.enabled $strimzi.user.enabled) (not $strimzi.cluster) }}
strimzi.cluster: name the Kafka that the topics and the user are for
{{- end }}
{{- if and $strimzi.topics.enabled (ne .Values.config.topics.mode "check") }}
config.topics.mode: has to be check with strimzi.topics.enabled: the operator makes the topics
{{- end }}
{{- if and $strimzi.user.enabled (eq $strimzi.user.authentication "scram-sha-512") }}
{{- if ne $sasl.mechanism "scram-sha-512" }}
config.kafka.sasl.mechanism: has to be scram-sha-512, as strimzi.user.authentication is
{{- end }}
{{- if ne $sasl.username $strimzi.user.name }}
config.kafka.sasl.username: has to be strimzi.user.name ({{ $strimzi.user.name }})
{{- end }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.podFaults" -}}
{{- $config := .Values.config -}}
{{- if lt (int $config.shutdownTimeoutMs) (mul 2 (int $config.ackBudgetMs)) }}
config.shutdownTimeoutMs: has to be twice config.ackBudgetMs or more: half of it is for what is being published
{{- end }}
{{- $tracing := omit $config.tracing "endpoint" "protocol" "timeoutMs" "headersSecret" }}
{{- if not $config.tracing.endpoint }}
{{- range $key, $value := set $tracing "headersSecret.name" $config.tracing.headersSecret.name }}
{{- if $value }}
config.tracing.endpoint: config.tracing.{{ $key }} is set, so say where the collector is
{{- end }}
{{- end }}
{{- end }}
{{- if regexMatch "^[0-9]" (include "gemini-kafka-bridge.fullname" .) }}
fullnameOverride: set it: a Service's name begins with a letter, {{ include "gemini-kafka-bridge.fullname" . }} does not
{{- end }}
{{- range $values, $labels := dict "commonLabels" .Values.commonLabels "podLabels" .Values.podLabels "helmTest.podLabels" .Values.helmTest.podLabels }}
{{- range $label := keys (default dict $labels) | sortAlpha }}
{{- if or (hasPrefix "app.kubernetes.io/" $label) (hasPrefix "helm.sh/" $label) }}
{{ $values }}: {{ $label }} is the chart's own, by which the pods are selected
{{- end }}
{{- end }}
{{- end }}
{{- range .Values.extraVolumes }}
{{- if has .name (list "tmp" "credentials" "service-account") }}
extraVolumes: the name {{ .name }} is taken by the chart
{{- end }}
{{- end }}
{{- end -}}
