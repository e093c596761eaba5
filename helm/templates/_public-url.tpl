{{- define "gemini-kafka-bridge.publicHost" -}}
{{- (urlParse (default "" .Values.config.publicUrl)).hostname -}}
{{- end -}}

{{/* The path before `/webhooks/gemini`, which whoever is in front of the bridge has to strip; mostly none. */}}
{{- define "gemini-kafka-bridge.publicPath" -}}
{{- (urlParse (default "" .Values.config.publicUrl)).path | trimAll "/" | printf "/%s" | trimSuffix "/" -}}
{{- end -}}
