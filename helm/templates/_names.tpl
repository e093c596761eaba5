{{- define "gemini-kafka-bridge.name" -}}
{{- default .Chart.Name .Values.nameOverride -}}
{{- end -}}

{{/* At most 50 characters: the longest suffix has 13, and the name of a Service at most 63. The name of a release may have dots, that of a Service not. */}}
{{- define "gemini-kafka-bridge.fullname" -}}
{{- $name := include "gemini-kafka-bridge.name" . -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- default $full .Values.fullnameOverride | replace "." "-" | trunc 50 | trimSuffix "-" -}}
{{- end -}}

{{- define "gemini-kafka-bridge.serviceAccountName" -}}
{{- $own := empty .Values.serviceAccount.create | ternary "default" (include "gemini-kafka-bridge.fullname" .) -}}
{{- default $own .Values.serviceAccount.name -}}
{{- end -}}

{{- define "gemini-kafka-bridge.image" -}}
{{- $image := .Values.image -}}
{{- with $image.registry }}{{ . }}/{{ end }}{{ $image.repository }}:{{ default .Chart.AppVersion $image.tag }}
{{- with $image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{- define "gemini-kafka-bridge.selectorLabels" -}}
app.kubernetes.io/name: {{ include "gemini-kafka-bridge.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: bridge
{{- end -}}

{{- define "gemini-kafka-bridge.labels" -}}
{{- $own := fromYaml (include "gemini-kafka-bridge.selectorLabels" .) -}}
{{- $_ := set $own "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63) -}}
{{- $_ := set $own "app.kubernetes.io/version" .Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" .Release.Service -}}
{{- toYaml (merge $own (default dict .Values.commonLabels)) -}}
{{- end -}}

{{/* Annotations of objects whose data cannot be restored: Helm and Argo CD keep the object. Argo CD does not read Helm's annotation. */}}
{{- define "gemini-kafka-bridge.keep" -}}
helm.sh/resource-policy: keep
argocd.argoproj.io/sync-options: Prune=false,Delete=false
{{- end -}}

{{/*
The metadata of an object. Takes (dict "root" $ "suffix" "-public"), optionally with "name", "namespace", "labels" and
"annotations". The object's own labels and annotations win over the common ones.
*/}}
{{- define "gemini-kafka-bridge.metadata" -}}
name: {{ default (printf "%s%s" (include "gemini-kafka-bridge.fullname" .root) (default "" .suffix)) .name | quote }}
namespace: {{ default .root.Release.Namespace .namespace | quote }}
labels:
  {{- merge (dict) (default dict .labels) (fromYaml (include "gemini-kafka-bridge.labels" .root)) | toYaml | nindent 2 }}
{{- with merge (dict) (default dict .annotations) (default dict .root.Values.commonAnnotations) }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
