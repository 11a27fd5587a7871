{{- define "clew.name" -}}
{{- if contains "clew" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-clew" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "clew.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (include "clew.name" .) }}
{{- end }}

{{- define "clew.selector" -}}
app.kubernetes.io/name: clew
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "clew.labels" -}}
{{ include "clew.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "clew.image" -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end }}

{{- /* What a mode needs and lacks ends the rendering, with words. */ -}}
{{- define "clew.check" -}}
{{- if not (has .Values.mode (list "single" "cluster")) }}{{ fail (printf "mode %q: want single or cluster" .Values.mode) }}{{ end }}
{{- if eq .Values.mode "cluster" }}
{{- if not .Values.nats.urls }}{{ fail "nats.urls: a cluster needs NATS servers" }}{{ end }}
{{- if not .Values.store.url }}{{ fail "store.url: a cluster needs an object store" }}{{ end }}
{{- if and .Values.nats.user (not .Values.nats.passwordSecret) }}{{ fail "nats.user: want it together with nats.passwordSecret" }}{{ end }}
{{- if and .Values.nats.credsSecret .Values.nats.user }}{{ fail "nats.credsSecret: it excludes nats.user" }}{{ end }}
{{- else if ne (int .Values.single.replicas) 1 }}{{ fail "single.replicas: one process owns a volume; for more use mode: cluster" }}{{ end }}
{{- end }}

{{- /* The Secret with the key that sessions are encrypted with: a login at one query process is one at all. Empty: one process, which makes its own, or config names a file. */ -}}
{{- define "clew.sessionSecret" -}}
{{- if and (eq .Values.mode "cluster") (not (dig "access" "session_key_file" "" .Values.config)) }}{{ (.Values.session).keySecret | default (printf "%s-session" (include "clew.name" .)) }}{{ end }}
{{- end }}

{{- /* clew.yaml: what the chart sets, and config over it. */ -}}
{{- define "clew.config" -}}
{{- $listen := dict "grpc" (dict "endpoint" "0.0.0.0:4317") "http" (dict "endpoint" "0.0.0.0:4318") }}
{{- $c := dict "http" "0.0.0.0:7400" "collector" (dict "otlp" $listen) }}
{{- if .Values.store.url }}{{ $_ := set $c "store" .Values.store.url }}{{ end }}
{{- if .Values.tls.secret }}{{ $_ := set $c "tls" (dict "cert_file" "/etc/clew/tls/tls.crt" "key_file" "/etc/clew/tls/tls.key") }}{{ end }}
{{- if include "clew.sessionSecret" . }}{{ $_ := set $c "access" (dict "session_key_file" "/etc/clew/session/session.key") }}{{ end }}
{{- if eq .Values.mode "cluster" }}
{{- $n := dict "urls" .Values.nats.urls "replicas" 3 }}
{{- if .Values.nats.user }}{{ $_ := set $n "user" .Values.nats.user }}{{ $_ := set $n "password_file" "/etc/clew/nats/password" }}{{ end }}
{{- if .Values.nats.credsSecret }}{{ $_ := set $n "creds_file" "/etc/clew/nats-creds/nats.creds" }}{{ end }}
{{- if .Values.nats.caSecret }}{{ $_ := set $n "tls" (dict "ca_file" "/etc/clew/nats-ca/ca.crt") }}{{ end }}
{{- $_ := set $c "nats" $n }}
{{- if .Values.tls.clusterSecret }}{{ $_ := set $c "cluster" (dict "tls" (dict "cert_file" "/etc/clew/between/tls.crt" "key_file" "/etc/clew/between/tls.key" "ca_file" "/etc/clew/between/ca.crt" "name" .Values.tls.clusterName)) }}{{ else }}{{ $_ := set $c "cluster" (dict "insecure" true) }}{{ end }}
{{- end }}
{{- toYaml (mergeOverwrite $c (deepCopy .Values.config)) }}
{{- end }}

{{- /* Secrets and ConfigMaps as files: a list of dicts name, kind, source, path. */ -}}
{{- define "clew.files" -}}
{{- $files := list (dict "name" "config" "configMap" (include "clew.name" .) "path" "/etc/clew/config") }}
{{- if .Values.tls.secret }}{{ $files = append $files (dict "name" "tls" "secret" .Values.tls.secret "path" "/etc/clew/tls") }}{{ end }}
{{- if eq .Values.mode "cluster" }}
{{- if .Values.nats.passwordSecret }}{{ $files = append $files (dict "name" "nats" "secret" .Values.nats.passwordSecret "path" "/etc/clew/nats") }}{{ end }}
{{- if .Values.nats.credsSecret }}{{ $files = append $files (dict "name" "nats-creds" "secret" .Values.nats.credsSecret "path" "/etc/clew/nats-creds") }}{{ end }}
{{- if .Values.nats.caSecret }}{{ $files = append $files (dict "name" "nats-ca" "secret" .Values.nats.caSecret "path" "/etc/clew/nats-ca") }}{{ end }}
{{- if .Values.tls.clusterSecret }}{{ $files = append $files (dict "name" "between" "secret" .Values.tls.clusterSecret "path" "/etc/clew/between") }}{{ end }}
{{- end }}
{{- with include "clew.sessionSecret" . }}{{ $files = append $files (dict "name" "session" "secret" . "path" "/etc/clew/session") }}{{ end }}
{{- range $i, $f := .Values.secretFiles }}{{ $files = append $files (dict "name" (printf "secret-%d" $i) "secret" $f.name "path" $f.path) }}{{ end }}
{{- range $i, $f := .Values.configFiles }}{{ $files = append $files (dict "name" (printf "files-%d" $i) "configMap" $f.name "path" $f.path) }}{{ end }}
{{- toYaml $files }}
{{- end }}
