{{/* What the bridge's pod and that of `helm test` have in common. */}}
{{- define "gemini-kafka-bridge.podSettings" -}}
serviceAccountName: {{ include "gemini-kafka-bridge.serviceAccountName" . | quote }}
# The token is for the vault alone.
automountServiceAccountToken: {{ not (empty .Values.config.vault.kubernetesSecret) }}
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.podSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.dnsPolicy }}
dnsPolicy: {{ . }}
{{- end }}
{{- with .Values.dnsConfig }}
dnsConfig:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .Values.tmpSizeLimit }}
{{- with include "gemini-kafka-bridge.credentialSources" . }}
- name: credentials
  projected:
    # Readable by the group, which is the pod's fsGroup.
    defaultMode: 0440
    sources:
      {{- trim . | nindent 6 }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.containerSettings" -}}
image: {{ include "gemini-kafka-bridge.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
{{- with .Values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
envFrom:
  - configMapRef:
      name: {{ include "gemini-kafka-bridge.fullname" . }}
  {{- with .Values.extraEnvFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with include "gemini-kafka-bridge.containerEnv" . }}
env:
  {{- trim . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- if include "gemini-kafka-bridge.credentialSources" . }}
  - name: credentials
    mountPath: /etc/gemini-kafka-bridge/credentials
    readOnly: true
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.containerEnv" -}}
{{- $headers := .Values.config.tracing.headersSecret -}}
{{- if and .Values.config.tracing.endpoint $headers.name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ $headers.name | quote }}
      key: {{ $headers.key | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}
