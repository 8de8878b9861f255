{{/* What a template must refuse because no schema can: the way out is in every message. */}}
{{- define "kite-operator.checks" -}}
{{- include "kite-operator.sections" . }}
{{- if and (gt (int .Values.replicaCount) 1) (not .Values.leaderElection.enabled) }}
{{- fail "replicaCount: more than one replica needs leaderElection.enabled: true" }}
{{- end }}
{{- if and .Values.report.enabled .Values.namespaces }}
{{- fail "report.enabled: only for a cluster-wide install: leave namespaces empty, or turn report.enabled off" }}
{{- end }}
{{- if and .Values.login.enabled (not .Values.settings.loginPublicUrl) }}
{{- fail "login.enabled: settings.loginPublicUrl is needed: the address of the login page as browsers see it" }}
{{- end }}
{{- if and .Values.login.enabled .Values.namespaces (eq (default "" .Values.settings.loginAuth) "proxy") }}
{{- fail "settings.loginAuth: proxy is only for a cluster-wide install: leave namespaces empty, or use passphrase" }}
{{- end }}
{{- if and (or .Values.ingress.enabled .Values.httpRoute.enabled) (not .Values.login.enabled) }}
{{- fail "ingress.enabled, httpRoute.enabled: they lead to the login page: set login.enabled: true" }}
{{- end }}
{{- if and .Values.httpRoute.enabled (not .Values.httpRoute.parentRefs) }}
{{- fail "httpRoute.parentRefs: name the Gateway" }}
{{- end }}
{{- if and .Values.sandbox.enabled (or .Values.settings.apiUrl .Values.settings.loginUrl) }}
{{- fail "sandbox.enabled: sets apiUrl and loginUrl itself: leave them out of settings" }}
{{- end }}
{{- if and .Values.monitoring.serviceMonitor.enabled .Values.monitoring.podMonitor.enabled }}
{{- fail "monitoring: a ServiceMonitor and a PodMonitor would scrape everything twice: enable one of them" }}
{{- end }}
{{- if and .Values.rollout.enabled (not .Values.serviceAccount.create) (not .Values.serviceAccount.name) }}
{{- fail "rollout.enabled: not with the namespace's default ServiceAccount: the admission policy would bind others" }}
{{- end }}
{{- if not (or .Values.crds.enabled .Values.crds.keep) }}
{{- fail "crds.enabled, crds.keep: with both false an upgrade would delete a CRD of this release, and every KiteCredential with its Secrets: first upgrade with crds.keep: true" }}
{{- end }}
{{- $mine := merge (include "kite-operator.selector" . | fromYaml) (include "kite-operator.ownLabels" . | fromYaml) (dict "kite-operator.dev/port" "") }}
{{- $labels := dict "commonLabels" .Values.commonLabels "podLabels" .Values.podLabels }}
{{- range $name := list "serviceMonitor" "podMonitor" "prometheusRule" "dashboards" }}
{{- $_ := set $labels (printf "monitoring.%s.labels" $name) (get (get $.Values.monitoring $name) "labels") }}
{{- end }}
{{- range $place, $given := $labels }}
{{- range $key, $_ := $given }}
{{- if hasKey $mine $key }}
{{- fail (printf "%s: %s is a label of the chart's own" $place $key) }}
{{- end }}
{{- end }}
{{- end }}
{{- $ports := list (int .Values.metrics.port) }}
{{- if .Values.login.enabled }}{{ $ports = append $ports (int .Values.login.port) }}{{ end }}
{{- if .Values.report.enabled }}{{ $ports = append $ports (int .Values.report.port) }}{{ end }}
{{- if ne (len $ports) (len (uniq $ports)) }}
{{- fail "metrics.port, login.port, report.port: must differ" }}
{{- end }}
{{- end }}

{{/* An empty section takes away its defaults, a closed network among them: nobody means that. Every template begins here, for Helm says nowhere which is first. */}}
{{- define "kite-operator.sections" -}}
{{- $all := .Values }}
{{- range list "image" "leaderElection" "settings" "login" "report" "rollout" "crds" "rbac" "serviceAccount" "metrics" "monitoring.serviceMonitor" "monitoring.podMonitor" "monitoring.prometheusRule" "monitoring.dashboards" "networkPolicy" "ingress" "httpRoute" "podDisruptionBudget" "runAs" "proxy" "caBundle" "sandbox.image" }}
{{- $place := $all }}
{{- $path := list }}
{{- range splitList "." . }}
{{- $path = append $path . }}
{{- $place = get $place . }}
{{- if not (kindIs "map" $place) }}
{{- fail (printf "%s: is empty: write values below it, or leave the line out" (join "." $path)) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* One setting as the operator reads it: lists with commas, numbers as they were written. */}}
{{- define "kite-operator.setting" -}}
{{- if kindIs "slice" . }}{{ join "," . }}{{ else }}{{ toString . }}{{ end }}
{{- end }}

{{- define "kite-operator.args" -}}
- run
- --listen=0.0.0.0:{{ .Values.metrics.port }}
- --account-namespace={{ include "kite-operator.accountNamespace" . }}
{{- if .Values.leaderElection.enabled }}
- --leader-lease={{ include "kite-operator.leaseName" . }}
{{- end }}
{{- with .Values.namespaces }}
- --namespaces={{ join "," . }}
{{- end }}
{{- if .Values.login.enabled }}
- --login-listen=0.0.0.0:{{ .Values.login.port }}
{{- end }}
{{- if .Values.report.enabled }}
- --report-listen=0.0.0.0:{{ .Values.report.port }}
{{- if .Values.report.tlsSecretName }}
- --report-tls-cert=/etc/kite-operator/report-tls/tls.crt
- --report-tls-key=/etc/kite-operator/report-tls/tls.key
{{- end }}
{{- end }}
{{- if .Values.rollout.enabled }}
- --allow-rollout-restarts=true
{{- end }}
{{- if .Values.sandbox.enabled }}
- --api-url=http://{{ include "kite-operator.sandboxName" . }}.{{ .Release.Namespace }}.svc:9010
- --login-url=http://{{ include "kite-operator.sandboxName" . }}.{{ .Release.Namespace }}.svc:9011
{{- end }}
{{- range $name, $value := .Values.settings }}
{{- $text := include "kite-operator.setting" $value }}
{{- if and $text (not (kindIs "invalid" $value)) }}
- {{ printf "--%s=%s" (kebabcase $name) $text | quote }}
{{- end }}
{{- end }}
{{- end }}

{{- define "kite-operator.securityContext" -}}
allowPrivilegeEscalation: false
capabilities:
  drop: [ALL]
privileged: false
readOnlyRootFilesystem: true
{{- end }}

{{- define "kite-operator.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ int64 .Values.runAs.user }}
runAsGroup: {{ int64 .Values.runAs.group }}
{{- with .Values.runAs.fsGroup }}
fsGroup: {{ int64 . }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}
