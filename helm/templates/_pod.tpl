{{/* Fields that the pods of the bridge and of `helm test` share. */}}
{{- define "gemini-kafka-bridge.podSettings" -}}
serviceAccountName: {{ include "gemini-kafka-bridge.serviceAccountName" . | quote }}
# Kubernetes would mount the token into every container. The bridge's container has it as a volume.
automountServiceAccountToken: false
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

{{/* The volumes of a pod. Takes (dict "root" $ "credentials" <names>). */}}
{{- define "gemini-kafka-bridge.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ .root.Values.tmpSizeLimit }}
{{- with include "gemini-kafka-bridge.credentialSources" . }}
- name: credentials
  projected:
    # Readable by the group, which is the fsGroup of the pod.
    defaultMode: 0440
    sources:
      {{- trim . | nindent 6 }}
{{- end }}
{{- if .root.Values.config.vault.kubernetesSecret }}
# The same files that Kubernetes would mount, for one container.
- name: service-account
  projected:
    defaultMode: 0440
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items: [{ key: ca.crt, path: ca.crt }]
      - downwardAPI:
          items:
            - path: namespace
              fieldRef: { apiVersion: v1, fieldPath: metadata.namespace }
{{- end }}
{{- with .root.Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Fields of a container that runs the image. Takes (dict "root" $ "credentials" <names> "env" <YAML>). */}}
{{- define "gemini-kafka-bridge.containerSettings" -}}
{{- $values := .root.Values -}}
image: {{ include "gemini-kafka-bridge.image" .root | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
{{- with $values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
# The status of the pod then has the reason of a failed start.
terminationMessagePolicy: FallbackToLogsOnError
envFrom:
  - configMapRef:
      name: {{ include "gemini-kafka-bridge.fullname" .root | quote }}
  {{- with $values.extraEnvFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with trim (printf "%s\n%s" .env (empty $values.extraEnv | ternary "" (toYaml $values.extraEnv))) }}
env:
  {{- . | nindent 2 }}
{{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- if include "gemini-kafka-bridge.credentialSources" . }}
  - name: credentials
    mountPath: /etc/gemini-kafka-bridge/credentials
    readOnly: true
  {{- end }}
  {{- if $values.config.vault.kubernetesSecret }}
  - name: service-account
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
  {{- end }}
  {{- with $values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{- define "gemini-kafka-bridge.tracingHeaders" -}}
{{- $headers := .Values.config.tracing.headersSecret -}}
{{- if and .Values.config.tracing.endpoint $headers.name }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef:
      name: {{ $headers.name | quote }}
      key: {{ $headers.key | quote }}
{{- end }}
{{- end -}}
