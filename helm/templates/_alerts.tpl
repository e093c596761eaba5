{{/* The rules of files/alerts.yaml with the labels and runbooks of the values. Not by `tpl`: their braces belong to Prometheus. */}}
{{- define "gemini-kafka-bridge.alertGroups" -}}
{{- $settings := .Values.prometheusRule -}}
{{- $groups := list -}}
{{- range (fromYaml (.Files.Get "files/alerts.yaml")).groups -}}
{{- $rules := list -}}
{{- range .rules -}}
{{- if not (has .alert $settings.disabledAlerts) -}}
{{- if .alert -}}
{{- $_ := set . "labels" (merge (dict) (default dict $settings.alertLabels) (default dict .labels)) -}}
{{- if $settings.runbookBaseUrl -}}
{{- $_ := set . "annotations" (default dict .annotations) -}}
{{- $page := base (default .alert .annotations.runbook_url) -}}
{{- $_ := set .annotations "runbook_url" (printf "%s/%s" (trimSuffix "/" $settings.runbookBaseUrl) $page) -}}
{{- end -}}
{{- end -}}
{{- $rules = append $rules . -}}
{{- end -}}
{{- end -}}
{{- if $rules -}}
{{- $_ := set . "rules" $rules -}}
{{- $groups = append $groups . -}}
{{- end -}}
{{- end -}}
{{- toYaml $groups -}}
{{- end -}}

{{- define "gemini-kafka-bridge.alertNames" -}}
{{- range (fromYaml (.Files.Get "files/alerts.yaml")).groups }}{{ range .rules }}{{ with .alert }}
- {{ . }}
{{- end }}{{ end }}{{ end -}}
{{- end -}}
