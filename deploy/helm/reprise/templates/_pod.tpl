{{/* Fields of every pod of the release: security context, pull secrets, placement, no token. */}}
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
    # readable for the group of podSecurityContext.fsGroup
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

{{/* Resources of the containers that run one command and exit. */}}
{{- define "reprise.shortResources" -}}
requests: {cpu: 100m, memory: 128Mi}
limits: {memory: 256Mi}
{{- end -}}

{{/* Arguments of `reprise topics` from the values. */}}
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

{{/* The workers' pod template. Takes a dict: context, and revisionLabel, a label that differs between revisions. */}}
{{- define "reprise.workerTemplate" -}}
{{- $revisionLabel := .revisionLabel -}}
{{- $ := .context -}}
metadata:
  annotations:
    # the worker reads its environment at the start, so changed settings must replace the pods
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
      # spread each revision by itself: the old revision's pods would distort the spread of the new one
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
      # /livez fails until the worker is connected. The worker gives up earlier than this probe, and logs the reason.
      startupProbe:
        httpGet: {path: /livez, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
        failureThreshold: {{ div (add (include "reprise.startSeconds" $) 4) 5 }}
      # /livez fails if no poll completed for settings.livenessTimeoutSeconds, never because of an outage of Redis or
      # Kafka. Three failures only tolerate a busy CPU.
      livenessProbe:
        httpGet: {path: /livez, port: http}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 3
      # /readyz: the worker is in its group, with or without a partition, and Redis and Kafka answer
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
