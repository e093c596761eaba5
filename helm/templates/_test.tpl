{{- define "gemini-kafka-bridge.testLabels" -}}
app.kubernetes.io/name: {{ include "gemini-kafka-bridge.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: test
{{- end -}}

{{/* Not empty if `deliver` reads the secret that it signs with from the vault in Redis. */}}
{{- define "gemini-kafka-bridge.hasVaultInRedis" -}}
{{- if and (include "gemini-kafka-bridge.isGiven" .Values.credentials.vaultKeys) (not .Values.config.vault.kubernetesSecret) }}yes{{ end -}}
{{- end -}}

{{/* The credentials that `deliver` reads. Without a static secret it sends only forged events; the configuration still needs one means of verification. */}}
{{- define "gemini-kafka-bridge.testCredentials" -}}
{{- $credentials := .Values.credentials -}}
- webhookSecrets
- vaultKeys
{{- if include "gemini-kafka-bridge.hasVaultInRedis" . }}
- redisPassword
- redisTlsCa
{{- end }}
{{- if not (or (include "gemini-kafka-bridge.isGiven" $credentials.webhookSecrets) (include "gemini-kafka-bridge.isGiven" $credentials.vaultKeys)) }}
- capabilityKeys
{{- end }}
{{- end -}}

{{/* Unsets the variables of credentials that the test's pod does not mount: the bridge refuses a missing file. */}}
{{- define "gemini-kafka-bridge.testEnv" -}}
{{- $mounted := fromYamlArray (include "gemini-kafka-bridge.testCredentials" .) -}}
{{- range $name, $variable := fromYaml (include "gemini-kafka-bridge.credentialVariables" .) -}}
{{- if and (include "gemini-kafka-bridge.isGiven" (index $.Values.credentials $name)) (not (has $name $mounted)) }}
- name: {{ $variable }}
  value: ''
{{- end -}}
{{- end -}}
{{- end -}}
