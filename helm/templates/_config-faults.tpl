{{/* As `combinedFaults` of the bridge's configuration has them, in the words of the values: better now than in a pod that does not start. */}}
{{- define "gemini-kafka-bridge.kafkaFaults" -}}
{{- $config := .Values.config -}}
{{- $credentials := .Values.credentials -}}
{{- $sasl := $config.kafka.sasl -}}
{{- if not $config.kafka.brokers }}
config.kafka.brokers: name the brokers, as [kafka-1:9092, kafka-2:9092]
{{- end }}
{{- if gt (int $config.topics.minIsr) (int $config.topics.replication) }}
config.topics.minIsr: is larger than config.topics.replication: nothing could be written
{{- end }}
{{- if and (eq $config.dedupe.store "log") (lt (int $config.topics.retentionHours) (int $config.dedupe.ttlHours)) }}
config.topics.retentionHours: is shorter than config.dedupe.ttlHours: the topics are the memory (config.dedupe.store: log)
{{- end }}
{{- if and (eq $config.dedupe.store "redis") (not $config.redis.url) }}
config.redis.url: config.dedupe.store: redis needs it
{{- end }}
{{- $hasPassword := include "gemini-kafka-bridge.isGiven" $credentials.kafkaSaslPassword }}
{{- $hasToken := include "gemini-kafka-bridge.isGiven" $credentials.kafkaSaslToken }}
{{- if eq $sasl.mechanism "oauthbearer" }}
{{- if not $hasToken }}
credentials.kafkaSaslToken: config.kafka.sasl.mechanism: oauthbearer needs it
{{- end }}
{{- else if $sasl.mechanism }}
{{- if not $sasl.username }}
config.kafka.sasl.username: config.kafka.sasl.mechanism needs it
{{- end }}
{{- if not $hasPassword }}
credentials.kafkaSaslPassword: config.kafka.sasl.mechanism needs it
{{- end }}
{{- else if or $sasl.username $hasPassword $hasToken }}
config.kafka.sasl.mechanism: there is a user, a password or a token, so say which mechanism
{{- end }}
{{- $hasCert := include "gemini-kafka-bridge.isGiven" $credentials.kafkaTlsCert }}
{{- $hasKey := include "gemini-kafka-bridge.isGiven" $credentials.kafkaTlsKey }}
{{- if ne $hasCert $hasKey }}
credentials.{{ empty $hasKey | ternary "kafkaTlsKey" "kafkaTlsCert" }}: a client certificate goes together with its key (credentials.kafkaTlsCert, credentials.kafkaTlsKey)
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.proofFaults" -}}
{{- $credentials := .Values.credentials -}}
{{- $proofs := list -}}
{{- range list "webhookSecrets" "vaultKeys" "capabilityKeys" -}}
{{- with include "gemini-kafka-bridge.isGiven" (index $credentials .) }}{{ $proofs = append $proofs . }}{{ end -}}
{{- end -}}
{{- if not $proofs }}
credentials.webhookSecrets: set it or credentials.vaultKeys (static webhooks), or credentials.capabilityKeys (dynamic ones): without any, no delivery could be verified
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.accessFaults" -}}
{{- $access := .Values.config.access -}}
{{- $oidc := $access.oidc -}}
{{- $hasTokens := include "gemini-kafka-bridge.isGiven" .Values.credentials.apiTokens -}}
{{- $hasEither := or $hasTokens $oidc.issuer -}}
{{- if and $access.open $hasEither }}
config.access.open: contradicts credentials.apiTokens and config.access.oidc.issuer: unset it or them
{{- end }}
{{- if not (or $access.open $hasEither) }}
credentials.apiTokens: set it or config.access.oidc.issuer, or config.access.open: true to leave /v1 open to the cluster
{{- end }}
{{- if and $oidc.issuer (not $oidc.audience) }}
config.access.oidc.audience: config.access.oidc.issuer needs it: a token for somebody else must not pass
{{- end }}
{{- range $key := list "audience" "scopes" "subjects" }}
{{- if and (index $oidc $key) (not $oidc.issuer) }}
config.access.oidc.issuer: config.access.oidc.{{ $key }} is set, so say of whom
{{- end }}
{{- end }}
{{- if ne (empty $oidc.scopes) (empty $oidc.subjects) }}
config.access.oidc.{{ empty $oidc.scopes | ternary "scopes" "subjects" }}: scopes and subjects go together
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.jobsFaults" -}}
{{- $config := .Values.config -}}
{{- $credentials := .Values.credentials -}}
{{- $hasApiKey := include "gemini-kafka-bridge.isGiven" $credentials.geminiApiKey -}}
{{- if $hasApiKey }}
{{- if not $config.publicUrl }}
config.publicUrl: submitting jobs (credentials.geminiApiKey) needs it
{{- end }}
{{- if not (include "gemini-kafka-bridge.isGiven" $credentials.capabilityKeys) }}
credentials.capabilityKeys: submitting jobs (credentials.geminiApiKey) needs it
{{- end }}
{{- end }}
{{- $mode := include "gemini-kafka-bridge.webhooksMode" . }}
{{- if and $config.webhooks.declared (ne $mode "off") }}
{{- if not $hasApiKey }}
credentials.geminiApiKey: config.webhooks.declared needs it
{{- end }}
{{- if and (eq $mode "ensure") (not (include "gemini-kafka-bridge.isGiven" $credentials.vaultKeys)) }}
credentials.vaultKeys: config.webhooks.declared needs it, for the secrets (or config.webhooks.mode: report)
{{- end }}
{{- end }}
{{- $names := list }}
{{- range $config.webhooks.declared }}
{{- if has .name $names }}
config.webhooks.declared: the name {{ .name }} is there twice
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
{{- $place := $config.vault.kubernetesSecret -}}
{{- if and $place (not $hasKeys) }}
credentials.vaultKeys: config.vault.kubernetesSecret needs it: what is kept there is sealed
{{- end }}
{{- if and $hasKeys (not $place) (not $config.redis.url) }}
config.vault.kubernetesSecret: set it or config.redis.url: the sealed secrets (credentials.vaultKeys) have to be kept somewhere
{{- end }}
{{- if $place }}
{{- $others := dict (include "gemini-kafka-bridge.ownSecret" .) "the chart's own credentials" }}
{{- $_ := set $others (default "" $config.tracing.headersSecret.name) "config.tracing.headersSecret" }}
{{- range $name, $credential := .Values.credentials }}
{{- $_ := set $others (default "" $credential.existingSecret.name) (printf "credentials.%s" $name) }}
{{- end }}
{{- with index $others $place }}
config.vault.kubernetesSecret: is the Secret of {{ . }} as well, and the bridge may read and write all of it: name another
{{- end }}
{{- if not (or .Values.serviceAccount.create .Values.serviceAccount.name) }}
serviceAccount.name: name the account that may read the vault (config.vault.kubernetesSecret): else it were default, which is that of every pod that names none
{{- end }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.credentialFaults" -}}
{{- $redis := default "" .Values.config.redis.url -}}
{{- range $name, $credential := .Values.credentials }}
{{- if and $credential.value $credential.existingSecret.name }}
credentials.{{ $name }}: has both value and existingSecret.name: unset one of them
{{- end }}
{{- if and $credential.existingSecret.name (not $credential.existingSecret.key) }}
credentials.{{ $name }}.existingSecret.key: say which member of the Secret it is
{{- end }}
{{- if and (hasPrefix "redis" $name) (include "gemini-kafka-bridge.isGiven" $credential) (not $redis) }}
credentials.{{ $name }}: is for a Redis, so set config.redis.url
{{- end }}
{{- end }}
{{- if and $redis (not (regexMatch "^rediss?([+](sentinel|cluster))?://" $redis)) }}
config.redis.url: want redis://host:6379, rediss://, or a +sentinel or +cluster form
{{- end }}
{{- /* Up to the last @, for a password may have one, or a slash. */ -}}
{{- if regexMatch "(:|%3[aA])(.|\\s)*@" (regexReplaceAll "^[a-z+]*://" $redis "") }}
config.redis.url: has a password in it, and would show it in a ConfigMap: put it into credentials.redisPassword
{{- else if regexMatch "[?#]" $redis }}
config.redis.url: has a query in it, in which a password could stand: leave it out
{{- end }}
{{- if and (regexMatch "^rediss?[+](sentinel|cluster)://" $redis) (not (regexMatch "^[^/]*//([^@]*@)?([^:,/\\s]+|\\[[^]]*\\]):[0-9]{1,5}(,([^:,/\\s]+|\\[[^]]*\\]):[0-9]{1,5})*(/|$)" $redis)) }}
config.redis.url: want host:port of each {{ contains "sentinel" $redis | ternary "Sentinel" "node" }}, as sentinel-0:26379,sentinel-1:26379
{{- end }}
{{- if and (include "gemini-kafka-bridge.isGiven" .Values.credentials.redisTlsCa) (hasPrefix "redis:" (regexReplaceAll "[+][a-z]+" $redis "")) }}
config.redis.url: credentials.redisTlsCa is for TLS, which is rediss://
{{- end }}
{{- end -}}

{{/* These are in a ConfigMap, and go into logs and errors. `fetch` takes no URL with a user anyway. */}}
{{- define "gemini-kafka-bridge.urlFaults" -}}
{{- $config := .Values.config -}}
{{- range $key, $url := dict "tracing.endpoint" $config.tracing.endpoint "gemini.url" $config.gemini.url "signature.jwksUrl" $config.signature.jwksUrl }}
{{- /* Before the path, in which an @ is nothing special. */ -}}
{{- if regexMatch "^([^/?#]*//)?[^/?#]*@" (default "" $url) }}
config.{{ $key }}: has a user or a password in it, and would show it in a ConfigMap: leave it out{{ if eq $key "tracing.endpoint" }} (config.tracing.headersSecret is for credentials){{ end }}
{{- end }}
{{- end }}
{{- if contains "?" (default "" $config.gemini.url) }}
config.gemini.url: has a query in it: the key of the API is credentials.geminiApiKey
{{- end }}
{{- end -}}
