{{/* The variable of the bridge that names the file of each credential. */}}
{{- define "gemini-kafka-bridge.credentialVariables" -}}
webhookSecrets: WEBHOOK_SECRETS_FILE
capabilityKeys: CAPABILITY_KEYS_FILE
vaultKeys: VAULT_KEYS_FILE
geminiApiKey: GEMINI_API_KEY_FILE
apiTokens: API_TOKENS_FILE
kafkaSaslPassword: KAFKA_SASL_PASSWORD_FILE
kafkaSaslToken: KAFKA_SASL_TOKEN_FILE
kafkaTlsCa: KAFKA_TLS_CA_FILE
kafkaTlsCert: KAFKA_TLS_CERT_FILE
kafkaTlsKey: KAFKA_TLS_KEY_FILE
redisPassword: REDIS_PASSWORD_FILE
redisTlsCa: REDIS_TLS_CA_FILE
{{- end -}}

{{/* "yes" for a credential that is set, else empty. */}}
{{- define "gemini-kafka-bridge.isGiven" -}}
{{- if or .value .existingSecret.name }}yes{{ end -}}
{{- end -}}

{{- define "gemini-kafka-bridge.ownSecret" -}}
{{ include "gemini-kafka-bridge.fullname" . }}-credentials
{{- end -}}

{{/* The data of the chart's own Secret: the credentials that are given by value. */}}
{{- define "gemini-kafka-bridge.ownCredentials" -}}
{{- range $name, $credential := .Values.credentials -}}
{{- with $credential.value }}
{{ $name }}: {{ b64enc . | quote }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/*
The sources of one volume with all credentials, without subPath: the kubelet then updates the files of a running pod.
Takes (dict "root" $ "credentials" <names>).
*/}}
{{- define "gemini-kafka-bridge.credentialSources" -}}
{{- $names := .credentials -}}
{{- $own := include "gemini-kafka-bridge.ownSecret" .root -}}
{{- range $name, $credential := .root.Values.credentials -}}
{{- if and (has $name $names) (include "gemini-kafka-bridge.isGiven" $credential) }}
- secret:
    name: {{ default $own $credential.existingSecret.name | quote }}
    items:
      - key: {{ ternary $name $credential.existingSecret.key (empty $credential.existingSecret.name) | quote }}
        path: {{ $name }}/value
{{- end -}}
{{- end -}}
{{- end -}}
