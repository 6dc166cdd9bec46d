{{/* The name that all names begin with: the release's, with the chart's where the release is called otherwise. */}}
{{- define "kube-remedy.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{/* What Services, the budget and the policy find the pods by; the pod of helm test is none of them. */}}
{{- define "kube-remedy.selectorLabels" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: healer
{{- end -}}

{{- define "kube-remedy.labels" -}}
{{- with .Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ .Chart.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "kube-remedy.account" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "kube-remedy.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ required "serviceAccount.name is needed when serviceAccount.create is false" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{/* How the API server calls the account. Webhook and watcher are one pod and so one account: the webhook tells the
watcher's writes by it, and writes no workloads and no Remediations itself. */}}
{{- define "kube-remedy.user" -}}
{{- if eq .Release.Namespace "kube-system" -}}
{{- fail "kube-remedy can't be in namespace kube-system: accounts there are controllers, whose writes are never healed; use a namespace of its own" -}}
{{- end -}}
system:serviceaccount:{{ .Release.Namespace }}:{{ include "kube-remedy.account" . }}
{{- end -}}

{{- define "kube-remedy.certificateSecret" -}}
{{- if eq .Values.certificates.source "secret" -}}
{{ required "certificates.secretName is needed when certificates.source is secret" .Values.certificates.secretName }}
{{- else -}}
{{ default (printf "%s-webhook-certificate" (include "kube-remedy.fullname" .)) .Values.certificates.secretName }}
{{- end -}}
{{- end -}}

{{/* An image, of the context and the values of its container. */}}
{{- define "kube-remedy.image" -}}
{{- $context := index . 0 -}}
{{- $of := index . 1 -}}
{{- with $context.Values.image -}}
{{ .registry }}/{{ $of.image }}{{ if $of.imageDigest }}@{{ $of.imageDigest }}{{ else }}:{{ default $context.Chart.AppVersion .tag }}{{ end }}
{{- end -}}
{{- end -}}

{{/* YAML reads an unquoted off as false. */}}
{{- define "kube-remedy.word" -}}
{{- if kindIs "bool" . }}off{{ else }}{{ . }}{{ end -}}
{{- end -}}

{{/* The configuration file. What is not said is left out. */}}
{{- define "kube-remedy.config" -}}
{{- with .Values.config -}}
{{- if gt (int .confidence.suggest) (int .confidence.heal) -}}
{{- fail (printf "config.confidence.suggest (%d) can't be more than config.confidence.heal (%d)" (int .confidence.suggest) (int .confidence.heal)) -}}
{{- end -}}
apiVersion: config.kube-remedy.io/v1alpha1
kind: Configuration
mode: {{ include "kube-remedy.word" .mode | quote }}
{{- with .failureTypes }}
failureTypes: {{ toJson . }}
{{- end }}
{{- with .maxMemory }}
maxMemory: {{ toString . | quote }}
{{- end }}
{{- with .maxCPU }}
maxCPU: {{ toString . | quote }}
{{- end }}
{{- with .allow }}
allow: {{ . | quote }}
{{- end }}
confidence: {heal: {{ int .confidence.heal }}, suggest: {{ int .confidence.suggest }}}
{{- with .excludedNamespaces }}
excludedNamespaces: {{ toJson . }}
{{- end }}
knownFailures: {{ include "kube-remedy.word" .knownFailures | quote }}
{{- with .kinds }}
kinds:
{{- range . }}
- {{ toJson . }}
{{- end }}
{{- end }}
{{- end -}}
{{- end -}}

{{- define "kube-remedy.rulesConfigMap" -}}
{{- if .Values.rulesConfigMap -}}
{{- if .Values.rules }}{{ fail "rules and rulesConfigMap can't both be given" }}{{ end -}}
{{ .Values.rulesConfigMap }}
{{- else if .Values.rules -}}
{{ include "kube-remedy.fullname" . }}-rules
{{- end -}}
{{- end -}}

{{/* A webhook's clientConfig, of the context and the path. */}}
{{- define "kube-remedy.clientConfig" -}}
{{- $context := index . 0 -}}
service: {name: {{ include "kube-remedy.fullname" $context }}-webhook, namespace: {{ $context.Release.Namespace }}, path: {{ index . 1 }}, port: 443}
{{- with $context.Values.certificates }}
{{- if and (eq .source "secret") .caBundle }}
caBundle: {{ .caBundle | b64enc }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Who writes Remediations without the webhook: the watcher, so that it goes on without us; and those who end what is
deleted in the foreground, which is an update, so that nothing that is deleted waits for us. */}}
{{- define "kube-remedy.remediationConditions" -}}
- name: not-by-the-watcher
  expression: request.userInfo.username != '{{ include "kube-remedy.user" . }}'
- name: not-by-the-garbage-collector
  expression: >-
    !(request.userInfo.username in ['system:kube-controller-manager', 'system:serviceaccount:kube-system:generic-garbage-collector',
    'system:serviceaccount:kube-system:namespace-controller'])
{{- end -}}
