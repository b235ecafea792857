{{/*
For a chart of your own that has weir among its dependencies (with mode: sidecar): what makes weir a sidecar of your pods. In its pod template,

  annotations:
    {{- include "weir.sidecar.annotations" .Subcharts.weir | nindent 8 }}
  initContainers:
    {{- include "weir.sidecar.container" .Subcharts.weir | nindent 8 }}
  volumes:
    {{- include "weir.sidecar.volumes" .Subcharts.weir | nindent 8 }}

and terminationGracePeriodSeconds longer than weir's shutdownTimeoutSeconds. The application sends to http://127.0.0.1:4318. With
sidecar.native: false the container belongs into `containers`.
*/}}
{{- define "weir.sidecar.annotations" -}}
checksum/weir-config: {{ include "weir.config" . | sha256sum }}
{{- end }}

{{- define "weir.sidecar.container" -}}
- {{ include "weir.container" . | nindent 2 | trim }}
  {{- if .Values.sidecar.native }}
  restartPolicy: Always
  {{- end }}
  env:
    {{- include "weir.env" . | nindent 4 }}
  resources:
    {{- toYaml .Values.sidecar.resources | nindent 4 }}
{{- end }}

{{- define "weir.sidecar.volumes" -}}
{{ include "weir.volumes" . }}
{{- end }}

{{- define "weir.config" -}}
{{- if .Values.existingConfigMap -}}
{{ .Values.existingConfigMap }}
{{- else -}}
{{ toYaml .Values.config }}
{{- end }}
{{- end }}
