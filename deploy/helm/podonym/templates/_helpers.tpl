{{- /* SPDX-License-Identifier: Apache-2.0 */ -}}
{{- define "podonym.selector" -}}
app.kubernetes.io/name: podonym
app.kubernetes.io/component: agent
{{- end -}}
{{- define "podonym.labels" -}}
app.kubernetes.io/name: podonym
app.kubernetes.io/part-of: podonym
{{- end -}}
