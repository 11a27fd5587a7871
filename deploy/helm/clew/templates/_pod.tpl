{{- /* The pod of a component: dict root, component, values, claim (its /data is a claim, not an empty directory). */ -}}
{{- define "clew.pod" -}}
{{- $root := .root }}
{{- $files := include "clew.files" $root | fromYamlArray }}
{{- $scheme := ternary "HTTPS" "HTTP" (not (empty $root.Values.tls.secret)) }}
metadata:
  labels:
    {{- include "clew.selector" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  annotations:
    checksum/config: {{ include "clew.config" $root | sha256sum }}
    {{- with $root.Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "clew.serviceAccount" $root }}
  automountServiceAccountToken: false # it asks the API server nothing
  # Ended, a process hands its shards over and answers what is being asked. Killed, it loses nothing that was acknowledged.
  terminationGracePeriodSeconds: 60
  {{- with $root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.nodeSelector }}
  nodeSelector: {{ toYaml . | nindent 4 }}
  {{- end }}
  {{- with $root.Values.tolerations }}
  tolerations: {{ toYaml . | nindent 4 }}
  {{- end }}
  # Two of a component on one node would be lost together.
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "clew.selector" $root | nindent 10 }}
          app.kubernetes.io/component: {{ .component }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 65532
    runAsGroup: 65532
    fsGroup: 65532
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: clew
      image: {{ include "clew.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        - run
        - --data=/data
        - --config=/etc/clew/config/clew.yaml
        {{- if eq $root.Values.mode "cluster" }}
        - --role={{ .component }}
        - --name=$(POD_NAME)
        - --flight=[$(POD_IP)]:7402 # the brackets are for IPv6, and no harm otherwise
        {{- end }}
      env:
        - name: POD_NAME
          valueFrom: {fieldRef: {fieldPath: metadata.name}}
        - name: POD_IP
          valueFrom: {fieldRef: {fieldPath: status.podIP}}
      {{- with $root.Values.store.credentialsSecret }}
      envFrom:
        - secretRef: {name: {{ . }}}
      {{- end }}
      ports:
        - {name: http, containerPort: 7400}
        {{- if has .component (list "single" "collector") }}
        - {name: otlp-grpc, containerPort: 4317}
        - {name: otlp-http, containerPort: 4318}
        {{- end }}
        {{- if has .component (list "ingest" "query") }}
        - {name: flight, containerPort: 7402}
        {{- end }}
      # Alive as soon as it answers; ready when it has read the catalog and the log.
      startupProbe:
        httpGet: {path: /healthz, port: http, scheme: {{ $scheme }}}
        periodSeconds: 2
        failureThreshold: 150
      livenessProbe:
        httpGet: {path: /healthz, port: http, scheme: {{ $scheme }}}
        periodSeconds: 20
        timeoutSeconds: 5
        failureThreshold: 6
      readinessProbe:
        httpGet: {path: /readyz, port: http, scheme: {{ $scheme }}}
        periodSeconds: 5
        timeoutSeconds: 3
      resources: {{ toYaml .values.resources | nindent 8 }}
      securityContext:
        readOnlyRootFilesystem: true
        allowPrivilegeEscalation: false
        capabilities: {drop: [ALL]}
      volumeMounts:
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
        {{- range $files }}
        - {name: {{ .name }}, mountPath: {{ .path }}, readOnly: true}
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {sizeLimit: 64Mi}
    {{- if not .claim }}
    - name: data
      emptyDir: {sizeLimit: 1Gi}
    {{- end }}
    {{- range $files }}
    - name: {{ .name }}
      {{- if .secret }}
      secret: {secretName: {{ .secret }}, defaultMode: 0440}
      {{- else }}
      configMap: {name: {{ .configMap }}}
      {{- end }}
    {{- end }}
{{- end }}

{{- /* A StatefulSet: dict root, component, values. */ -}}
{{- define "clew.statefulset" -}}
{{- $name := printf "%s-%s" (include "clew.name" .root) .component }}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}
  labels:
    {{- include "clew.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  serviceName: {{ $name }}
  replicas: {{ .values.replicas }}
  podManagementPolicy: Parallel # none waits for another to start
  updateStrategy: {type: RollingUpdate} # one after the other, each ready before the next
  minReadySeconds: 10
  persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: {{ ternary "Retain" "Delete" (eq .component "single") }}}
  selector:
    matchLabels:
      {{- include "clew.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
  template: {{- include "clew.pod" (merge (dict "claim" true) .) | nindent 4 }}
  volumeClaimTemplates:
    - metadata:
        name: data
      spec:
        accessModes: [ReadWriteOnce]
        {{- with .values.storage.className }}
        storageClassName: {{ . }}
        {{- end }}
        resources: {requests: {storage: {{ .values.storage.size }}}}
---
# Names of the pods; no traffic is spread by it.
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels:
    {{- include "clew.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  clusterIP: None
  publishNotReadyAddresses: true
  selector:
    {{- include "clew.selector" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  ports:
    - {name: http, port: 7400, targetPort: http}
{{- end }}

{{- /* Of many, one at a time may be taken down on purpose: dict root, component. */ -}}
{{- define "clew.pdb" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "clew.name" .root }}-{{ .component }}
  labels:
    {{- include "clew.labels" .root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
spec:
  maxUnavailable: 1
  selector:
    matchLabels:
      {{- include "clew.selector" .root | nindent 6 }}
      app.kubernetes.io/component: {{ .component }}
{{- end }}
