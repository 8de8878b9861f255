{{- define "kite-operator.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* A release whose name has the chart's name in it is not named twice. Room is left for suffixes such as -metrics. */}}
{{- define "kite-operator.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride }}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 50 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Objects of the cluster, and of namespaces that are not the release's: two releases of one name must not meet there. */}}
{{- define "kite-operator.clusterName" -}}
{{- $fullname := include "kite-operator.fullname" . }}
{{- if eq $fullname .Release.Namespace }}{{ $fullname }}{{ else }}{{ printf "%s:%s" .Release.Namespace $fullname }}{{ end }}
{{- end }}

{{- define "kite-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}{{ default (include "kite-operator.fullname" .) .Values.serviceAccount.name }}{{ else }}{{ default "default" .Values.serviceAccount.name }}{{ end }}
{{- end }}

{{- define "kite-operator.accountNamespace" -}}
{{- default .Release.Namespace .Values.accountNamespace }}
{{- end }}

{{/* Installs that share an account namespace each need a Lease of their own, or the replicas of one would stand by for ever. */}}
{{- define "kite-operator.leaseName" -}}
{{- $fullname := include "kite-operator.fullname" . }}
{{- $mine := eq (include "kite-operator.accountNamespace" .) .Release.Namespace }}
{{- default (ternary $fullname (printf "%s.%s" .Release.Namespace $fullname) $mine) .Values.leaderElection.leaseName }}
{{- end }}

{{- define "kite-operator.selector" -}}
app.kubernetes.io/name: {{ include "kite-operator.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: operator
{{- end }}

{{- define "kite-operator.sandboxSelector" -}}
app.kubernetes.io/name: {{ include "kite-operator.name" . }}-sandbox
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/component: sandbox
{{- end }}

{{- define "kite-operator.ownLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
app.kubernetes.io/part-of: kite-operator
{{- end }}

{{- define "kite-operator.commonLabels" -}}
{{ include "kite-operator.ownLabels" . }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "kite-operator.labels" -}}
{{ include "kite-operator.selector" . }}
{{ include "kite-operator.commonLabels" . }}
{{- end }}

{{/* The labels of the chart and those of one place as one map, in which no key is twice: `list $ .Values.podLabels`. */}}
{{- define "kite-operator.labelsWith" -}}
{{- toYaml (merge (deepCopy (default dict (index . 1))) (include "kite-operator.labels" (index . 0) | fromYaml)) }}
{{- end }}

{{/* An image of these values: `dict "image" .Values.image "name" "kite-operator" "chart" .Chart`. A released chart has
     the digest of what was published in an annotation, not in a value: a tag that somebody sets would lose against it. */}}
{{- define "kite-operator.image" -}}
{{- $released := index (default dict .chart.Annotations) (printf "digest.kite-operator.dev/%s" .name) | default "" }}
{{- $digest := default (ternary "" $released (not (empty .image.tag))) .image.digest }}
{{- if $digest -}}
{{ printf "%s@%s" .image.repository $digest }}
{{- else -}}
{{ printf "%s:%s" .image.repository (default .chart.AppVersion .image.tag) }}
{{- end }}
{{- end }}

{{- define "kite-operator.sandboxName" -}}
{{ include "kite-operator.fullname" . }}-sandbox
{{- end }}

{{/* The host of the login page, without the port. */}}
{{- define "kite-operator.loginHost" -}}
{{- regexReplaceAll ":[0-9]+$" (get (urlParse (default "" .Values.settings.loginPublicUrl)) "host") "" }}
{{- end }}

{{- define "kite-operator.loginPath" -}}
{{- default "/" (get (urlParse (default "" .Values.settings.loginPublicUrl)) "path") }}
{{- end }}
