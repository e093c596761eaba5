{{- define "gemini-kafka-bridge.publicHost" -}}
{{- (urlParse (default "" .Values.config.publicUrl)).hostname -}}
{{- end -}}

{{/* The path of `config.publicUrl`, which the Ingress controller or the Gateway has to strip; usually empty. */}}
{{- define "gemini-kafka-bridge.publicPath" -}}
{{- (urlParse (default "" .Values.config.publicUrl)).path | trimAll "/" | printf "/%s" | trimSuffix "/" -}}
{{- end -}}

{{/* The namespaces that `networkPolicy.publicFrom` names, as JSON. Empty if it admits other peers as well. */}}
{{- define "gemini-kafka-bridge.publicNamespaces" -}}
{{- $names := list -}}
{{- range .Values.networkPolicy.publicFrom -}}
{{- $labels := default dict (default dict .namespaceSelector).matchLabels -}}
{{- $names = append $names (default "" (index $labels "kubernetes.io/metadata.name")) -}}
{{- end -}}
{{- has "" $names | ternary list $names | toJson -}}
{{- end -}}

{{/* The namespaces of the Gateways, as JSON. */}}
{{- define "gemini-kafka-bridge.gatewayNamespaces" -}}
{{- $names := list -}}
{{- range .Values.httpRoute.parentRefs -}}
{{- $names = append $names (default $.Release.Namespace .namespace) -}}
{{- end -}}
{{- uniq $names | toJson -}}
{{- end -}}
