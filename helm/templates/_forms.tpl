{{/* A line for each text of the values that does not have its form in files/forms.yaml. */}}
{{- define "gemini-kafka-bridge.formFaults" -}}
{{- range $form := fromYamlArray (.Files.Get "files/forms.yaml") -}}
{{- include "gemini-kafka-bridge.formFault" (dict "form" $form "value" $.Values "path" (splitList "." $form.key) "name" "") -}}
{{- end -}}
{{- end -}}

{{/*
Follows a path into a value. Takes (dict "form" <entry of forms.yaml> "value" <any> "path" <the keys that are left>
"name" <the keys before them>).
*/}}
{{- define "gemini-kafka-bridge.formFault" -}}
{{- $call := . -}}
{{- if .path -}}
{{- $wanted := first .path -}}
{{- range $key, $value := .value -}}
{{- if or (eq $wanted "*") (eq $wanted (toString $key)) -}}
{{- $name := kindIs "string" $key | ternary (printf "%s.%v" $call.name $key) (printf "%s[%v]" $call.name $key) | trimPrefix "." -}}
{{- include "gemini-kafka-bridge.formFault" (dict "form" $call.form "value" $value "path" (rest $call.path) "name" $name) -}}
{{- end -}}
{{- end -}}
{{- else if .form.keys -}}
{{- range $key, $_ := .value -}}
{{- if not (regexMatch $call.form.form $key) }}
{{ $call.name }}: the key {{ toRawJson $key }}: want {{ $call.form.want }}
{{- end -}}
{{- end -}}
{{- else if kindIs "string" .value -}}
{{- if .form.lines -}}
{{- range $i, $line := splitList "\n" .value -}}
{{- $entry := trim $line -}}
{{- if and $entry (not (hasPrefix "#" $entry)) (not (regexMatch $call.form.form $entry)) }}
{{ $call.name }}: line {{ add1 $i }}: want {{ $call.form.want }}
{{- end -}}
{{- end -}}
{{- else if not (regexMatch .form.form .value) }}
{{ .name }}: {{ include "gemini-kafka-bridge.shown" . }}want {{ .form.want }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The refused text, unless it may hold a password: a secret, or a URL with a user or a query. */}}
{{- define "gemini-kafka-bridge.shown" -}}
{{- if not (or .form.secret (regexMatch "[@?#]" .value)) -}}
got {{ .value | trunc 80 | toRawJson }}, {{ end -}}
{{- end -}}
