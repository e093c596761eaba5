{{/* Values that make a broken Kubernetes object. Each fault is a line `key: fault and remedy`. */}}
{{- define "gemini-kafka-bridge.replicaFaults" -}}
{{- $scaling := .Values.autoscaling -}}
{{- $hasRedis := not (empty .Values.config.redis.url) -}}
{{- $replicas := int (include "gemini-kafka-bridge.replicas" .) -}}
{{- if and (not $hasRedis) (gt $replicas 1) }}
replicaCount: {{ $replicas }} replicas need config.redis.url, which holds their leases: set it, or replicaCount: 1
{{- end }}
{{- if and $hasRedis (include "gemini-kafka-bridge.hasSeveral" .) (not (include "gemini-kafka-bridge.isShared" .)) }}
config.dedupe.store: memory works for one process only, and there are several replicas: choose log or redis
{{- end }}
{{- if $scaling.enabled }}
{{- if not $hasRedis }}
autoscaling.enabled: several replicas need config.redis.url, which holds their leases: set it, or disable autoscaling
{{- end }}
{{- if ne (toString .Values.replicaCount) "auto" }}
replicaCount: leave it at auto, because autoscaling.enabled decides the number of replicas
{{- end }}
{{- if gt (int $scaling.minReplicas) (int $scaling.maxReplicas) }}
autoscaling.minReplicas: {{ int $scaling.minReplicas }} is larger than autoscaling.maxReplicas ({{ int $scaling.maxReplicas }})
{{- end }}
{{- if not (or $scaling.targetCPUUtilizationPercentage $scaling.metrics) }}
autoscaling.targetCPUUtilizationPercentage: is 0, so the autoscaler has no metric: set it, or autoscaling.metrics
{{- end }}
{{- $replicas = int $scaling.minReplicas }}
{{- end }}
{{- $budget := .Values.podDisruptionBudget }}
{{- if and $budget.enabled (include "gemini-kafka-bridge.hasSeveral" .) (not (kindIs "string" $budget.maxUnavailable)) }}
{{- if and (ge (int $budget.maxUnavailable) $replicas) (gt $replicas 1) }}
podDisruptionBudget.maxUnavailable: {{ int $budget.maxUnavailable }} allows a drain to stop all {{ $replicas }} replicas at once: lower it
{{- end }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.routeFaults" -}}
{{- $url := .Values.config.publicUrl -}}
{{- $ingress := .Values.ingress -}}
{{- $route := .Values.httpRoute -}}
{{- if and $ingress.enabled (not $url) (not $ingress.host) }}
config.publicUrl: is empty, and ingress.enabled needs a host: set it, or ingress.host
{{- end }}
{{- if and $ingress.enabled (include "gemini-kafka-bridge.publicPath" .) (not $ingress.annotations) }}
ingress.annotations: config.publicUrl has a path, and the bridge serves /webhooks/gemini: add the annotation with which your controller strips {{ include "gemini-kafka-bridge.publicPath" . }}, or use httpRoute, which strips it
{{- end }}
{{- if and $route.enabled (not $url) (not $route.hostnames) }}
config.publicUrl: is empty, and httpRoute.enabled needs a host: set it, or httpRoute.hostnames
{{- end }}
{{- if and $route.enabled (not $route.parentRefs) }}
httpRoute.parentRefs: is empty: name the Gateway, for example [{name: public, namespace: gateways}]
{{- end }}
{{- $admitted := fromJsonArray (include "gemini-kafka-bridge.publicNamespaces" .) }}
{{- if and .Values.networkPolicy.enabled $route.enabled (not $ingress.enabled) (eq (uniq $admitted | join ",") "ingress-nginx") }}
networkPolicy.publicFrom: admits only the namespace ingress-nginx, and httpRoute.enabled sends deliveries through a Gateway: name the namespace in which the Gateway's pods run
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.monitoringFaults" -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled }}
podMonitor.enabled: each pod would be scraped twice: disable it, or serviceMonitor.enabled
{{- end }}
{{- $alerts := fromYamlArray (include "gemini-kafka-bridge.alertNames" .) }}
{{- range .Values.prometheusRule.disabledAlerts }}
{{- if not (has . $alerts) }}
prometheusRule.disabledAlerts: there is no alert {{ . }}; the alerts are {{ join ", " $alerts }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.strimziFaults" -}}
{{- $strimzi := .Values.strimzi -}}
{{- $sasl := .Values.config.kafka.sasl -}}
{{- if and (or $strimzi.topics.enabled $strimzi.user.enabled) (not $strimzi.cluster) }}
strimzi.cluster: is empty: name the Kafka resource of the topics and the user
{{- end }}
{{- if and $strimzi.topics.enabled (ne .Values.config.topics.mode "check") }}
config.topics.mode: has to be check with strimzi.topics.enabled, because the operator makes the topics
{{- end }}
{{- if and $strimzi.user.enabled (eq $strimzi.user.authentication "scram-sha-512") }}
{{- if ne $sasl.mechanism "scram-sha-512" }}
config.kafka.sasl.mechanism: has to be scram-sha-512, which strimzi.user.authentication is
{{- end }}
{{- if ne $sasl.username $strimzi.user.name }}
config.kafka.sasl.username: has to be {{ $strimzi.user.name }}, which strimzi.user.name is
{{- end }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.podFaults" -}}
{{- $config := .Values.config -}}
{{- if lt (int $config.shutdownTimeoutMs) (mul 2 (int $config.ackBudgetMs)) }}
config.shutdownTimeoutMs: {{ int $config.shutdownTimeoutMs }} is less than twice config.ackBudgetMs ({{ int $config.ackBudgetMs }}), and half of it is for records that Kafka has not acknowledged yet: raise it
{{- end }}
{{- $tracing := omit $config.tracing "endpoint" "protocol" "timeoutMs" "headersSecret" }}
{{- if not $config.tracing.endpoint }}
{{- range $key, $value := set $tracing "headersSecret.name" $config.tracing.headersSecret.name }}
{{- if $value }}
config.tracing.endpoint: is empty, and config.tracing.{{ $key }} is set: name the collector
{{- end }}
{{- end }}
{{- end }}
{{- if regexMatch "^[0-9]" (include "gemini-kafka-bridge.fullname" .) }}
fullnameOverride: is empty, and the name of a Service must not begin with a digit, as {{ include "gemini-kafka-bridge.fullname" . }} does: set it
{{- end }}
{{- range $values, $labels := dict "commonLabels" .Values.commonLabels "podLabels" .Values.podLabels "helmTest.podLabels" .Values.helmTest.podLabels }}
{{- range $label := keys (default dict $labels) | sortAlpha }}
{{- if or (hasPrefix "app.kubernetes.io/" $label) (hasPrefix "helm.sh/" $label) }}
{{ $values }}: {{ $label }} is set by the chart, which selects the pods with it: choose another label
{{- end }}
{{- end }}
{{- end }}
{{- range .Values.extraVolumes }}
{{- if has .name (list "tmp" "credentials" "service-account") }}
extraVolumes: the chart has a volume {{ .name }}: choose another name
{{- end }}
{{- end }}
{{- end -}}
