{{/*
Converts the values to the worker's environment.

settings.kafkaGroupId        REPRISE_KAFKA_GROUP_ID
secrets.kafkaSaslPassword    REPRISE_KAFKA_SASL_PASSWORD_FILE, a file of the volume `secrets`
secrets.kafkaSslCafile       REPRISE_KAFKA_SSL_CAFILE, a file of the volume: a setting that is a path needs no _FILE
*/}}

{{- define "reprise.secretsPath" -}}/etc/reprise/secrets{{- end -}}

{{- define "reprise.variable" -}}REPRISE_{{ . | snakecase | upper }}{{- end -}}

{{/* A map of variables to strings. toJson because helm reads numbers as floats and prints 1000000 as 1e+06. */}}
{{- define "reprise.environment" -}}
{{- include "reprise.validate" . -}}
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

{{/* Fails with all errors that the schema cannot express. The worker checks its settings against each other. */}}
{{- define "reprise.validate" -}}
{{- $errors := list -}}
{{- $settings := .Values.settings -}}
{{- if not $settings.kafkaBootstrapServers -}}
{{- $errors = append $errors "settings.kafkaBootstrapServers: is required" -}}
{{- end -}}
{{- if not (or $settings.redisUrl .Values.secrets.redisUrl.existingSecret) -}}
{{- $errors = append $errors "settings.redisUrl: is required; if it holds a password, secrets.redisUrl" -}}
{{- end -}}
{{- range $name, $secret := .Values.secrets -}}
{{- if and $secret.existingSecret (get $settings $name) -}}
{{- $errors = append $errors (printf "secrets.%s: settings.%s is set as well; set one of them" $name $name) -}}
{{- end -}}
{{- end -}}
{{- if hasPrefix "SASL" $settings.kafkaSecurityProtocol -}}
{{- if not (and $settings.kafkaSaslMechanism $settings.kafkaSaslUsername .Values.secrets.kafkaSaslPassword.existingSecret) -}}
{{- $errors = append $errors (printf "settings.kafkaSecurityProtocol: %s needs settings.kafkaSaslMechanism, settings.kafkaSaslUsername and secrets.kafkaSaslPassword" $settings.kafkaSecurityProtocol) -}}
{{- end -}}
{{- end -}}
{{- if not (hasPrefix "SASL" $settings.kafkaSecurityProtocol) -}}
{{- if or $settings.kafkaSaslMechanism $settings.kafkaSaslUsername .Values.secrets.kafkaSaslPassword.existingSecret -}}
{{- $errors = append $errors (printf "settings.kafkaSecurityProtocol: with %s, settings.kafkaSaslMechanism, settings.kafkaSaslUsername and secrets.kafkaSaslPassword have no effect" $settings.kafkaSecurityProtocol) -}}
{{- end -}}
{{- end -}}
{{- $secrets := .Values.secrets -}}
{{- range $client, $tls := dict "kafka" (contains "SSL" $settings.kafkaSecurityProtocol) "redis" (or $secrets.redisUrl.existingSecret (hasPrefix "rediss:" (default "" $settings.redisUrl))) "schemaRegistry" (hasPrefix "https:" (default "" $settings.schemaRegistryUrl)) -}}
{{- range $name := list "SslCafile" "SslCertfile" "SslKeyfile" -}}
{{- $full := print $client $name -}}
{{- if and (not $tls) (or (get $settings $full) (get $secrets $full).existingSecret) -}}
{{- $errors = append $errors (printf "settings.%s: has no effect without TLS" $full) -}}
{{- end -}}
{{- end -}}
{{- $keyfile := print $client "SslKeyfile" -}}
{{- $certfile := print $client "SslCertfile" -}}
{{- if and (or (get $settings $keyfile) (get $secrets $keyfile).existingSecret) (not (or (get $settings $certfile) (get $secrets $certfile).existingSecret)) -}}
{{- $errors = append $errors (printf "settings.%s: requires settings.%s" $keyfile $certfile) -}}
{{- end -}}
{{- end -}}
{{- if ne (empty $settings.schemaRegistryUsername) (empty $secrets.schemaRegistryPassword.existingSecret) -}}
{{- $errors = append $errors "settings.schemaRegistryUsername: requires secrets.schemaRegistryPassword, and the other way round" -}}
{{- end -}}
{{- if and $settings.schemaRegistryUsername (not $settings.schemaRegistryUrl) -}}
{{- $errors = append $errors "settings.schemaRegistryUsername: has no effect without settings.schemaRegistryUrl" -}}
{{- end -}}
{{- if and $settings.redisCluster (hasPrefix "unix:" (default "" $settings.redisUrl)) -}}
{{- $errors = append $errors "settings.redisCluster: a Redis Cluster has no Unix socket" -}}
{{- end -}}
{{- $topics := dict -}}
{{- range $name, $topic := $settings -}}
{{- if hasPrefix "topic" $name -}}
{{- if hasKey $topics $topic -}}
{{- $errors = append $errors (printf "settings.%s: settings.%s names the same topic" $name (get $topics $topic)) -}}
{{- end -}}
{{- $_ := set $topics $topic $name -}}
{{- end -}}
{{- end -}}
{{- if ne (empty $settings.namespaceBy) (empty $settings.namespaceValues) -}}
{{- $errors = append $errors "settings.namespaceBy: requires settings.namespaceValues, and the other way round" -}}
{{- end -}}
{{- if gt (len (splitList "," (default "" $settings.namespaceValues))) 32 -}}
{{- $errors = append $errors "settings.namespaceValues: more than 32 values" -}}
{{- end -}}
{{- if eq (default "" $settings.namespaceBy) "lang" -}}
{{- range $value := splitList "," (default "" $settings.namespaceValues) -}}
{{- if not (regexMatch "^[a-z]{2,8}$" (trim $value | lower)) -}}
{{- $errors = append $errors (printf "settings.namespaceValues: %q is no primary subtag of a language, such as en" $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $settings.ruleBucketEntries (lt (int $settings.ruleBucketEntries) (int $settings.ruleStopStories)) -}}
{{- $errors = append $errors "settings.ruleBucketEntries: is less than settings.ruleStopStories" -}}
{{- end -}}
{{- if and $settings.kafkaMaxPollIntervalSeconds (ge (float64 $settings.kafkaSessionTimeoutSeconds) (float64 $settings.kafkaMaxPollIntervalSeconds)) -}}
{{- $errors = append $errors "settings.kafkaSessionTimeoutSeconds: must be less than settings.kafkaMaxPollIntervalSeconds" -}}
{{- end -}}
{{- $batch := addf $settings.pollTimeoutSeconds (mulf 2 $settings.redisTimeoutSeconds) $settings.flushTimeoutSeconds -}}
{{- range $name := list "kafkaMaxPollIntervalSeconds" "livenessTimeoutSeconds" "drainTimeoutSeconds" -}}
{{- if and (get $settings $name) (le (float64 (get $settings $name)) $batch) -}}
{{- $errors = append $errors (printf "settings.%s: must be more than %v, the sum of pollTimeoutSeconds, twice redisTimeoutSeconds and flushTimeoutSeconds" $name $batch) -}}
{{- end -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" (include "reprise.fullname" .)) -}}
{{- $errors = append $errors (printf "release name %s: the name of a Service begins with a letter and has no dot; set fullnameOverride" .Release.Name) -}}
{{- end -}}
{{- with .Values.strategy.rollingUpdate -}}
{{- if and (has (toString .maxSurge) (list "0" "0%")) (has (toString .maxUnavailable) (list "0" "0%")) -}}
{{- $errors = append $errors "strategy.rollingUpdate: maxSurge and maxUnavailable cannot both be 0" -}}
{{- end -}}
{{- end -}}
{{- if and .Values.keda.enabled (gt (int .Values.keda.minReplicas) (int .Values.keda.maxReplicas)) -}}
{{- $errors = append $errors "keda.minReplicas: is more than keda.maxReplicas" -}}
{{- end -}}
{{- if $errors -}}
{{- fail (printf "\n%s" (join "\n" $errors)) -}}
{{- end -}}
{{- end -}}

{{/*
Seconds from SIGTERM to SIGKILL, the sum of: the drain's limit, within which every attempt to deliver ends; the time by
which two calls of Redis may exceed such an attempt; 5 s each to leave the group, to close the producer and to close the
HTTP server; 5 s for a busy CPU.
*/}}
{{- define "reprise.gracePeriodSeconds" -}}
{{- with .Values.settings -}}
{{- $longer := max 0 (ceil (subf (mulf 2 .redisTimeoutSeconds) .flushTimeoutSeconds)) -}}
{{- add (ceil .drainTimeoutSeconds) $longer 20 -}}
{{- end -}}
{{- end -}}

{{/* Seconds that a start may take: the worker waits up to startupTimeoutSeconds each for Redis, a broker, the topics, the
producer and the consumer. */}}
{{- define "reprise.startSeconds" -}}
{{- add (mul 5 (ceil .Values.settings.startupTimeoutSeconds)) 30 -}}
{{- end -}}
