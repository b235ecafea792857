{{/* The container's parts, the same in a gateway and in a sidecar. */}}
{{- define "weir.container" -}}
name: weir
image: {{ include "weir.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
args:
  - --config=/conf/relay.yaml
  - --cache-dir={{ include "weir.cacheDir" . }}
  - --shutdown-timeout={{ .Values.shutdownTimeoutSeconds }}s
  {{- with .Values.extraArgs }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
ports:
  {{- range $name, $port := .Values.ports }}
  {{- if $port.enabled }}
  - name: {{ $name }}
    containerPort: {{ $port.containerPort }}
  {{- end }}
  {{- end }}
startupProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 1
  failureThreshold: 60
readinessProbe:
  httpGet: {path: /, port: health}
livenessProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 10
  failureThreshold: 6
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - name: weir-config
    mountPath: /conf
    readOnly: true
  {{- if include "weir.hasPlugins" . }}
  - name: weir-plugins
    mountPath: /plugins
    readOnly: true
  {{- end }}
  - name: weir-tmp
    mountPath: /tmp
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "weir.env" -}}
- name: POD_NAME
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- name: POD_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: NODE_NAME
  valueFrom: {fieldRef: {fieldPath: spec.nodeName}}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "weir.volumes" -}}
- name: weir-config
  configMap:
    name: {{ include "weir.configMapName" . }}
{{- if .Values.plugins.image }}
- name: weir-plugins
  image:
    {{- toYaml .Values.plugins.image | nindent 4 }}
{{- else if .Values.plugins.configMaps }}
- name: weir-plugins
  projected:
    sources:
      {{- range .Values.plugins.configMaps }}
      - configMap:
          name: {{ . }}
      {{- end }}
{{- end }}
- name: weir-tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The pod of a gateway. */}}
{{- define "weir.podTemplate" -}}
{{- if le (int .Values.terminationGracePeriodSeconds) (int .Values.shutdownTimeoutSeconds) }}
{{- fail "terminationGracePeriodSeconds must be longer than shutdownTimeoutSeconds, or weir is killed while it delivers" }}
{{- end -}}
metadata:
  labels:
    {{- include "weir.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    checksum/config: {{ include "weir.config" . | sha256sum }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  automountServiceAccountToken: false
  serviceAccountName: {{ include "weir.serviceAccountName" . }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- toYaml .Values.topologySpreadConstraints | nindent 4 }}
  {{- else if eq .Values.mode "deployment" }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "weir.selectorLabels" . | nindent 10 }}
  {{- end }}
  containers:
    - {{ include "weir.container" . | nindent 6 | trim }}
      env:
        - name: WEIR_OTLP_HOST
          value: 0.0.0.0
        {{- include "weir.env" . | nindent 8 }}
      resources:
        {{- toYaml .Values.resources | nindent 8 }}
  volumes:
    {{- include "weir.volumes" . | nindent 4 }}
{{- end }}
