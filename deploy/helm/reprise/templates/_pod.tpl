{{/* What every pod of the release has: who it runs as, where its image comes from, no token. */}}
{{- define "reprise.podBasics" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "reprise.containerBasics" -}}
image: {{ include "reprise.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
{{- end -}}

{{- define "reprise.volumes" -}}
{{- with include "reprise.secretSources" . }}
- name: secrets
  projected:
    # readable by the group, which is fsGroup
    defaultMode: 0440
    sources:
      {{- . | trim | nindent 6 }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "reprise.volumeMounts" -}}
{{- if include "reprise.secretSources" . }}
- name: secrets
  mountPath: {{ include "reprise.secretsPath" . }}
  readOnly: true
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* For a short-lived container of the same command: its limits are those of a client, not of a worker. */}}
{{- define "reprise.shortResources" -}}
requests: {cpu: 100m, memory: 128Mi}
limits: {memory: 256Mi}
{{- end -}}

{{/* `reprise topics` with what the values say of the topics. */}}
{{- define "reprise.topicsArguments" -}}
{{- with .Values.topics }}
- topics
{{- with .partitions }}
- --partitions={{ int64 . }}
{{- end }}
{{- with .replicationFactor }}
- --replication-factor={{ int64 . }}
{{- end }}
{{- with .retentionSeconds }}
- --retention-seconds={{ toJson . }}
{{- end }}
{{- with .deadRetentionSeconds }}
- --dead-retention-seconds={{ toJson . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Call with a dict: context, and the label that tells two revisions of the workload apart. */}}
{{- define "reprise.workerTemplate" -}}
{{- $revisionLabel := .revisionLabel -}}
{{- $ := .context -}}
metadata:
  annotations:
    # the environment is read at the start: other settings are another revision
    checksum/config: {{ include "reprise.environment" $ | sha256sum }}
    {{- if and $.Values.metrics.scrapeAnnotations (not $.Values.metrics.podMonitor.enabled) }}
    prometheus.io/scrape: "true"
    prometheus.io/port: {{ $.Values.settings.httpPort | quote }}
    prometheus.io/path: /metrics
    {{- end }}
    {{- with $.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  labels:
    {{- include "reprise.workerLabels" $ | nindent 4 }}
    {{- with merge (dict) $.Values.podLabels $.Values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "reprise.serviceAccountName" $ }}
  {{- include "reprise.podBasics" $ | nindent 2 }}
  {{- with $.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $.Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $.Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    {{- toYaml (list .) | nindent 4 }}
      {{- if not .labelSelector }}
      labelSelector:
        matchLabels:
          {{- include "reprise.workerLabels" $ | nindent 10 }}
      {{- if not .matchLabelKeys }}
      # each revision is spread on its own, or the old one's pods would push the new one's together
      matchLabelKeys: [{{ $revisionLabel }}]
      {{- end }}
      {{- end }}
    {{- end }}
  {{- end }}
  terminationGracePeriodSeconds: {{ include "reprise.gracePeriodSeconds" $ }}
  containers:
    - name: worker
      {{- include "reprise.containerBasics" $ | nindent 6 }}
      args:
        - run
        {{- with $.Values.warmUp.until }}
        - {{ printf "--warm-up=%s" . | quote }}
        {{- with $.Values.warmUp.learnFrom }}
        - {{ printf "--learn-from=%s" . | quote }}
        {{- end }}
        {{- end }}
        {{- with $.Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      envFrom:
        - configMapRef:
            name: {{ include "reprise.fullname" $ }}
        {{- with $.Values.extraEnvFrom }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if or $.Values.staticMembership.enabled $.Values.extraEnv }}
      env:
        {{- if $.Values.staticMembership.enabled }}
        - name: REPRISE_KAFKA_GROUP_INSTANCE_ID
          valueFrom:
            fieldRef:
              fieldPath: metadata.name
        {{- end }}
        {{- with $.Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- end }}
      ports:
        - name: http
          containerPort: {{ int $.Values.settings.httpPort }}
      # /livez answers "starting" until everything is connected; the worker gives up by itself, with the reason, before this
      startupProbe:
        httpGet: {path: /livez, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: {{ div (add (include "reprise.startSeconds" $) 4) 5 }}
      # polls complete; never whether Redis or Kafka answers. Its patience is settings.livenessTimeoutSeconds: 3 failures
      # only bridge a processor that is late
      livenessProbe:
        httpGet: {path: /livez, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      # joined the group, with or without a partition, and Redis and Kafka answer
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      resources:
        {{- toYaml $.Values.resources | nindent 8 }}
      {{- with include "reprise.volumeMounts" $ }}
      volumeMounts:
        {{- . | trim | nindent 8 }}
      {{- end }}
  {{- with include "reprise.volumes" $ }}
  volumes:
    {{- . | trim | nindent 4 }}
  {{- end }}
{{- end -}}
