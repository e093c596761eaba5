{{/* The ports of a list of `host:port` or URLs, as JSON. A URL without a port has the port of its scheme. */}}
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

{{/* The destinations of the bridge, and their ports if the values name none. */}}
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
{{- if or $config.vault.kubernetesSecret (include "gemini-kafka-bridge.isApiServer" $config.access.oidc.issuer) }}
apiServer: ["443", "6443"]
{{- end }}
{{- end -}}

{{/* "yes" if the issuer is the cluster's API server, else empty. */}}
{{- define "gemini-kafka-bridge.isApiServer" -}}
{{- if regexMatch "^https://kubernetes[.]default([.]svc([.][a-z0-9.-]+)?)?(:[0-9]+)?(/|$)" (default "" .) }}yes{{ end -}}
{{- end -}}

{{/* The egress rules of a NetworkPolicy. Takes (dict "root" $ "places" <destinations>); without "places" all destinations. */}}
{{- define "gemini-kafka-bridge.egress" -}}
{{- $places := .places -}}
{{- $policy := .root.Values.networkPolicy -}}
{{- range $name, $ports := fromYaml (include "gemini-kafka-bridge.destinations" .root) }}
{{- if or (not $places) (has $name $places) }}
{{- $own := index $policy $name }}
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
{{- end }}
{{- end -}}
