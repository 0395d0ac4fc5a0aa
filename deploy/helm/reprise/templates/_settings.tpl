{{/*
From the values to the worker's environment.

settings.kafkaGroupId        REPRISE_KAFKA_GROUP_ID
secrets.kafkaSaslPassword    REPRISE_KAFKA_SASL_PASSWORD_FILE, a file of the volume `secrets`
secrets.kafkaSslCafile       REPRISE_KAFKA_SSL_CAFILE, likewise: a setting that names a file needs no _FILE
*/}}

{{- define "reprise.secretsPath" -}}/etc/reprise/secrets{{- end -}}

{{- define "reprise.variable" -}}REPRISE_{{ . | snakecase | upper }}{{- end -}}

{{/* A map of variables to texts. toJson writes numbers out: helm reads them as floats, and prints 1000000 as 1e+06. */}}
{{- define "reprise.environment" -}}
{{- include "reprise.mistakes" . -}}
{{- range $name, $value := .Values.settings }}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
{{ include "reprise.variable" $name }}: {{ ternary $value (toJson $value) (kindIs "string" $value) | quote }}
{{- end }}
{{- end }}
{{- range $name, $secret := .Values.secrets }}
{{- if $secret.existingSecret }}
{{ include "reprise.variable" $name }}{{ if not (hasSuffix "file" $name) }}_FILE{{ end }}: {{ printf "%s/%s" (include "reprise.secretsPath" $) ($name | kebabcase) | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "reprise.secretSources" -}}
{{- range $name, $secret := .Values.secrets }}
{{- if $secret.existingSecret }}
- secret:
    name: {{ $secret.existingSecret | quote }}
    items:
      - key: {{ $secret.key | quote }}
        path: {{ $name | kebabcase }}
{{- end }}
{{- end }}
{{- end -}}

{{/* What the schema cannot say, all at once. What is wrong between two settings is the worker's to tell. */}}
{{- define "reprise.mistakes" -}}
{{- $mistakes := list -}}
{{- $settings := .Values.settings -}}
{{- if not $settings.kafkaBootstrapServers -}}
{{- $mistakes = append $mistakes "settings.kafkaBootstrapServers: is needed" -}}
{{- end -}}
{{- if not (or $settings.redisUrl .Values.secrets.redisUrl.existingSecret) -}}
{{- $mistakes = append $mistakes "settings.redisUrl: is needed; or secrets.redisUrl, where it holds a password" -}}
{{- end -}}
{{- range $name, $secret := .Values.secrets -}}
{{- if and $secret.existingSecret (get $settings $name) -}}
{{- $mistakes = append $mistakes (printf "secrets.%s: settings.%s is set as well; set one of them" $name $name) -}}
{{- end -}}
{{- end -}}
{{- if hasPrefix "SASL" $settings.kafkaSecurityProtocol -}}
{{- if not (and $settings.kafkaSaslMechanism $settings.kafkaSaslUsername .Values.secrets.kafkaSaslPassword.existingSecret) -}}
{{- $mistakes = append $mistakes (printf "settings.kafkaSecurityProtocol: %s needs settings.kafkaSaslMechanism, settings.kafkaSaslUsername and secrets.kafkaSaslPassword" $settings.kafkaSecurityProtocol) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.keda.enabled (gt (int .Values.keda.minReplicas) (int .Values.keda.maxReplicas)) -}}
{{- $mistakes = append $mistakes "keda.minReplicas: is more than keda.maxReplicas" -}}
{{- end -}}
{{- if $mistakes -}}
{{- fail (printf "\n%s" (join "\n" $mistakes)) -}}
{{- end -}}
{{- end -}}

{{/*
Seconds from SIGTERM to SIGKILL: the drain's own limit, by which every try to deliver is over; what two calls of Redis take
longer than such a try; leaving the group, closing the producer and the HTTP server, 5 s each at most; and 5 s for a
processor that is late.
*/}}
{{- define "reprise.gracePeriodSeconds" -}}
{{- with .Values.settings -}}
{{- $longer := max 0 (ceil (subf (mulf 2 .redisTimeoutSeconds) .flushTimeoutSeconds)) -}}
{{- add (ceil .drainTimeoutSeconds) $longer 20 -}}
{{- end -}}
{{- end -}}

{{/* Seconds that a start may take: Redis, a broker, the topics, producer and consumer are each waited for so long. */}}
{{- define "reprise.startSeconds" -}}
{{- add (mul 5 (ceil .Values.settings.startupTimeoutSeconds)) 30 -}}
{{- end -}}
