{{/*
Settings that contradict each other, as src/config/cross-checks.ts finds them, with the keys of the values: a refusal here
comes before a pod that does not start. Each fault is a line `key: fault and remedy`.
*/}}
{{- define "gemini-kafka-bridge.kafkaFaults" -}}
{{- $config := .Values.config -}}
{{- $credentials := .Values.credentials -}}
{{- $sasl := $config.kafka.sasl -}}
{{- if not $config.kafka.brokers }}
config.kafka.brokers: is empty: name the brokers, for example [kafka-1:9092, kafka-2:9092]
{{- end }}
{{- if gt (int $config.topics.minIsr) (int $config.topics.replication) }}
config.topics.minIsr: {{ int $config.topics.minIsr }} is larger than config.topics.replication ({{ int $config.topics.replication }}), so no record could be written: lower it, or raise the replication
{{- end }}
{{- if and (eq $config.dedupe.store "log") (lt (int $config.topics.retentionHours) (int $config.dedupe.ttlHours)) }}
config.topics.retentionHours: {{ int $config.topics.retentionHours }} is shorter than config.dedupe.ttlHours ({{ int $config.dedupe.ttlHours }}), and config.dedupe.store: log reads the published ids back from the topics: raise it, or lower ttlHours
{{- end }}
{{- if and (eq $config.dedupe.store "redis") (not $config.redis.url) }}
config.redis.url: is empty, and config.dedupe.store: redis needs it: set it, or choose the store log
{{- end }}
{{- $hasPassword := include "gemini-kafka-bridge.isGiven" $credentials.kafkaSaslPassword }}
{{- $hasToken := include "gemini-kafka-bridge.isGiven" $credentials.kafkaSaslToken }}
{{- if eq $sasl.mechanism "oauthbearer" }}
{{- if not $hasToken }}
credentials.kafkaSaslToken: is missing, and config.kafka.sasl.mechanism: oauthbearer needs it
{{- end }}
{{- else if $sasl.mechanism }}
{{- if not $sasl.username }}
config.kafka.sasl.username: is empty, and config.kafka.sasl.mechanism: {{ $sasl.mechanism }} needs it
{{- end }}
{{- if not $hasPassword }}
credentials.kafkaSaslPassword: is missing, and config.kafka.sasl.mechanism: {{ $sasl.mechanism }} needs it
{{- end }}
{{- else if or $sasl.username $hasPassword $hasToken }}
config.kafka.sasl.mechanism: is empty, and a user, a password or a token for Kafka is set: name the mechanism
{{- end }}
{{- $hasCert := include "gemini-kafka-bridge.isGiven" $credentials.kafkaTlsCert }}
{{- $hasKey := include "gemini-kafka-bridge.isGiven" $credentials.kafkaTlsKey }}
{{- if ne $hasCert $hasKey }}
credentials.{{ empty $hasKey | ternary "kafkaTlsKey" "kafkaTlsCert" }}: is missing: set credentials.kafkaTlsCert together with its key, credentials.kafkaTlsKey
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.verificationFaults" -}}
{{- $credentials := .Values.credentials -}}
{{- $given := list -}}
{{- range list "webhookSecrets" "vaultKeys" "capabilityKeys" -}}
{{- with include "gemini-kafka-bridge.isGiven" (index $credentials .) }}{{ $given = append $given . }}{{ end -}}
{{- end -}}
{{- if not $given }}
credentials.webhookSecrets: no delivery could be verified: set it or credentials.vaultKeys (static webhooks), or credentials.capabilityKeys (webhooks of jobs)
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.accessFaults" -}}
{{- $access := .Values.config.access -}}
{{- $oidc := $access.oidc -}}
{{- $hasTokens := include "gemini-kafka-bridge.isGiven" .Values.credentials.apiTokens -}}
{{- $hasEither := or $hasTokens $oidc.issuer -}}
{{- if and $access.open $hasEither }}
config.access.open: contradicts {{ empty $hasTokens | ternary "config.access.oidc.issuer" "credentials.apiTokens" }}: unset one of them
{{- end }}
{{- if not (or $access.open $hasEither) }}
credentials.apiTokens: is missing: set it or config.access.oidc.issuer, or config.access.open: true to leave /v1 open to the cluster
{{- end }}
{{- if and $oidc.issuer (not $oidc.audience) }}
config.access.oidc.audience: is empty: name the audience of the tokens; without it a token for another service would be accepted
{{- end }}
{{- range $key := list "audience" "scopes" "subjects" }}
{{- if and (index $oidc $key) (not $oidc.issuer) }}
config.access.oidc.issuer: is empty, and config.access.oidc.{{ $key }} is set: name the issuer
{{- end }}
{{- end }}
{{- if ne (empty $oidc.scopes) (empty $oidc.subjects) }}
config.access.oidc.{{ empty $oidc.scopes | ternary "scopes" "subjects" }}: is empty: set scopes and subjects together
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.jobsFaults" -}}
{{- $config := .Values.config -}}
{{- $credentials := .Values.credentials -}}
{{- $hasApiKey := include "gemini-kafka-bridge.isGiven" $credentials.geminiApiKey -}}
{{- if $hasApiKey }}
{{- if not $config.publicUrl }}
config.publicUrl: is empty, and submitting jobs (credentials.geminiApiKey) needs it
{{- end }}
{{- if not (include "gemini-kafka-bridge.isGiven" $credentials.capabilityKeys) }}
credentials.capabilityKeys: is missing, and submitting jobs (credentials.geminiApiKey) needs it
{{- end }}
{{- end }}
{{- $mode := include "gemini-kafka-bridge.webhooksMode" . }}
{{- if and $config.webhooks.declared (ne $mode "off") }}
{{- if not $hasApiKey }}
credentials.geminiApiKey: is missing, and config.webhooks.declared needs it
{{- end }}
{{- if and (eq $mode "ensure") (not (include "gemini-kafka-bridge.isGiven" $credentials.vaultKeys)) }}
credentials.vaultKeys: is missing, and config.webhooks.declared needs it to store the signing secrets: set it, or config.webhooks.mode: report
{{- end }}
{{- end }}
{{- $names := list }}
{{- range $config.webhooks.declared }}
{{- if has .name $names }}
config.webhooks.declared: has the name {{ .name }} twice
{{- end }}
{{- $names = append $names .name }}
{{- range .events }}
{{- if has . (list "batch.cancelled" "interaction.cancelled") }}
config.webhooks.declared: leave {{ . }} out of events: Gemini accepts no subscription to it
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.vaultFaults" -}}
{{- $config := .Values.config -}}
{{- $hasKeys := include "gemini-kafka-bridge.isGiven" .Values.credentials.vaultKeys -}}
{{- $vault := $config.vault.kubernetesSecret -}}
{{- if and $vault (not $hasKeys) }}
credentials.vaultKeys: is missing, and config.vault.kubernetesSecret needs it: the bridge stores the signing secrets encrypted
{{- end }}
{{- if and $hasKeys (not $vault) (not $config.redis.url) }}
config.vault.kubernetesSecret: the encrypted signing secrets (credentials.vaultKeys) have no place: set it or config.redis.url
{{- end }}
{{- if $vault }}
{{- $others := dict (include "gemini-kafka-bridge.ownSecret" .) "the chart's own credentials" }}
{{- $_ := set $others (default "" $config.tracing.headersSecret.name) "config.tracing.headersSecret" }}
{{- range $name, $credential := .Values.credentials }}
{{- $_ := set $others (default "" $credential.existingSecret.name) (printf "credentials.%s" $name) }}
{{- end }}
{{- with index $others $vault }}
config.vault.kubernetesSecret: is also the Secret of {{ . }}, and the bridge may read and write all of it: name another
{{- end }}
{{- if not (or .Values.serviceAccount.create .Values.serviceAccount.name) }}
serviceAccount.name: is empty, so config.vault.kubernetesSecret would be opened to the account default, which every pod without an account of its own uses: name an account
{{- end }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.credentialFaults" -}}
{{- range $name, $credential := .Values.credentials }}
{{- if and $credential.value $credential.existingSecret.name }}
credentials.{{ $name }}: has both value and existingSecret.name: unset one of them
{{- end }}
{{- if and $credential.existingSecret.name (not $credential.existingSecret.key) }}
credentials.{{ $name }}.existingSecret.key: is empty: name the key of the Secret's data
{{- end }}
{{- if and (hasPrefix "redis" $name) (include "gemini-kafka-bridge.isGiven" $credential) (not $.Values.config.redis.url) }}
credentials.{{ $name }}: is set, and there is no Redis: set config.redis.url, or unset it
{{- end }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.redisFaults" -}}
{{- $redis := default "" .Values.config.redis.url -}}
{{- if and $redis (not (regexMatch "^rediss?([+](sentinel|cluster))?://" $redis)) }}
config.redis.url: want redis://host:6379, rediss://host:6379, or a form with +sentinel or +cluster
{{- end }}
{{- /* Up to the last @, because a password may contain @ and /. */ -}}
{{- if regexMatch "(:|%3[aA])(.|\\s)*@" (regexReplaceAll "^[a-z+]*://" $redis "") }}
config.redis.url: has a password, which would be readable in a ConfigMap: move it to credentials.redisPassword
{{- else if regexMatch "[?#]" $redis }}
config.redis.url: has a query or a fragment, which may hold a password: remove it
{{- end }}
{{- if and (regexMatch "^rediss?[+](sentinel|cluster)://" $redis) (not (regexMatch "^[^/]*//([^@]*@)?([^:,/\\s]+|\\[[^]]*\\]):[0-9]{1,5}(,([^:,/\\s]+|\\[[^]]*\\]):[0-9]{1,5})*(/|$)" $redis)) }}
config.redis.url: want host:port of each {{ contains "sentinel" $redis | ternary "Sentinel" "node" }}, for example sentinel-0:26379,sentinel-1:26379
{{- end }}
{{- if and (include "gemini-kafka-bridge.isGiven" .Values.credentials.redisTlsCa) (hasPrefix "redis:" (regexReplaceAll "[+][a-z]+" $redis "")) }}
config.redis.url: does not use TLS, and credentials.redisTlsCa is set: write rediss://
{{- end }}
{{- end -}}

{{/* A user, a password or a query in these URLs would be readable in a ConfigMap, in logs and in errors. */}}
{{- define "gemini-kafka-bridge.urlFaults" -}}
{{- $config := .Values.config -}}
{{- range $key, $url := dict "tracing.endpoint" $config.tracing.endpoint "gemini.url" $config.gemini.url "signature.jwksUrl" $config.signature.jwksUrl }}
{{- /* Only before the path: there an @ has no special meaning. */ -}}
{{- if regexMatch "^([^/?#]*//)?[^/?#]*@" (default "" $url) }}
config.{{ $key }}: has a user or a password, which would be readable in a ConfigMap: remove it{{ if eq $key "tracing.endpoint" }} (config.tracing.headersSecret is for credentials){{ end }}
{{- end }}
{{- end }}
{{- if contains "?" (default "" $config.gemini.url) }}
config.gemini.url: has a query: remove it; the API key is credentials.geminiApiKey
{{- end }}
{{- end -}}
