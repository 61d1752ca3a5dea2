{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Labels of every object. */}}
{{- define "roster.labels" -}}
app.kubernetes.io/part-of: roster
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Labels that Pods are selected by. They can never change, and there is one Roster in a cluster, so the release is not among them. */}}
{{- define "roster.selectorLabels" -}}
app.kubernetes.io/name: roster
app.kubernetes.io/component: {{ . }}
{{- end }}

{{/* The image of a workload: (list root workload). */}}
{{- define "roster.image" -}}
{{- $image := (index . 1).image -}}
{{- if $image.digest -}}
{{ $image.repository }}@{{ $image.digest }}
{{- else -}}
{{ $image.repository }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* Something, where the MutatingAdmissionPolicies are to be installed. */}}
{{- define "roster.mutatingPolicies" -}}
{{- $served := semverCompare ">=1.36.0-0" .Capabilities.KubeVersion.Version -}}
{{- if or (eq .Values.policies.mutating "Always") (and (eq .Values.policies.mutating "Auto") $served) -}}
true
{{- end -}}
{{- end }}

{{/* The host of an Ingress or HTTPRoute: (list root route name). */}}
{{- define "roster.host" -}}
{{- $root := index . 0 -}}
{{- $route := index . 1 -}}
{{- $url := dig "portal" "url" "" $root.Values.config -}}
{{- $host := $route.host | default (regexReplaceAll ":[0-9]+$" (urlParse $url).host "") -}}
{{- required (printf "portal.%s.host: name the host, or set config.portal.url" (index . 2)) $host -}}
{{- end }}

{{/* What the values add to the Pods of a workload. */}}
{{- define "roster.scheduling" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The variables that tracing takes; none where it is off. */}}
{{- define "roster.tracingEnv" -}}
{{- with .Values.tracing }}
{{- if .endpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ .endpoint | quote }}
{{- if not (kindIs "invalid" .ratio) }}
- name: OTEL_TRACES_SAMPLER
  value: parentbased_traceidratio
- name: OTEL_TRACES_SAMPLER_ARG
  value: {{ .ratio | quote }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* The annotations of the Pods of a workload: (list root workload container). */}}
{{- define "roster.podAnnotations" -}}
{{- $root := index . 0 -}}
{{- $own := dict "kubectl.kubernetes.io/default-container" (index . 2) -}}
{{- if $root.Values.config -}}
{{- $_ := set $own "checksum/config" (include "roster.config" $root | sha256sum) -}}
{{- end -}}
{{- merge $own (index . 1).podAnnotations | toYaml -}}
{{- end }}

{{/* The file config.yaml. */}}
{{- define "roster.config" -}}
apiVersion: config.roster.dev/v1alpha1
kind: RosterConfig
{{ toYaml .Values.config }}
{{- end }}
