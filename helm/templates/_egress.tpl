{{/* The ports in a list of `host:port` or of URLs, else those of their schemes. */}}
{{- define "gemini-kafka-bridge.portsIn" -}}
{{- $ports := list -}}
{{- range . -}}
{{- if . -}}
{{- $hosts := regexReplaceAll "^[a-z+]+://([^@/]*@)?|/.*$" . "" -}}
{{- $named := regexFindAll ":[0-9]+(,|$)" $hosts -1 -}}
{{- range $named }}{{ $ports = append $ports (int (trimAll ":," .)) }}{{ end -}}
{{- if not $named }}{{ $ports = append $ports (hasPrefix "redis" . | ternary 6379 (hasPrefix "http://" . | ternary 80 443)) }}{{ end -}}
{{- if contains "+sentinel" . }}{{ $ports = append $ports 6379 }}{{ end -}}
{{- end -}}
{{- end -}}
{{- $ports | uniq | sortAlpha | toJson -}}
{{- end -}}

{{/* Where the bridge goes, and the ports it needs there when the values name none. */}}
{{- define "gemini-kafka-bridge.destinations" -}}
{{- $config := .Values.config -}}
dns: ["53"]
kafka: {{ include "gemini-kafka-bridge.portsIn" $config.kafka.brokers }}
https: {{ include "gemini-kafka-bridge.portsIn" (list $config.gemini.url $config.signature.jwksUrl $config.access.oidc.issuer) }}
{{- with $config.redis.url }}
redis: {{ include "gemini-kafka-bridge.portsIn" (list .) }}
{{- end }}
{{- with $config.tracing.endpoint }}
otlp: {{ include "gemini-kafka-bridge.portsIn" (list .) }}
{{- end }}
{{- with $config.vault.kubernetesSecret }}
apiServer: ["443", "6443"]
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.egress" -}}
{{- range $name, $ports := fromYaml (include "gemini-kafka-bridge.destinations" .) }}
{{- $own := index $.Values.networkPolicy $name }}
# {{ $name }}
- ports:
    {{- range default $ports $own.ports }}
    - { port: {{ int . }}, protocol: TCP }
    {{- if eq $name "dns" }}
    - { port: {{ int . }}, protocol: UDP }
    {{- end }}
    {{- end }}
  {{- with $own.to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}
