package check

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

const chartDir = "deploy/helm/clew"

// everything turns on what is off by default.
const everything = `
imagePullSecrets: [{name: registry}]
nodeSelector: {disk: ssd}
tolerations: [{key: telemetry, operator: Exists}]
priorityClassName: high
podAnnotations: {team: ops}
store: {url: "s3://telemetry/clew?region=eu-north-1", credentialsSecret: clew-s3}
nats: {user: clew, passwordSecret: clew-nats, caSecret: nats-ca}
tls: {secret: clew-tls, clusterSecret: clew-between}
secretFiles: [{name: clew-oidc, path: /etc/clew/oidc}]
configFiles: [{name: clew-rules, path: /etc/clew/rules}]
serviceAccount: {annotations: {"eks.amazonaws.com/role-arn": "arn:aws:iam::1:role/clew"}}
service: {type: LoadBalancer, annotations: {a: b}}
ingress: {enabled: true, className: nginx, tlsSecret: clew-web}
networkPolicy: {from: [{namespaceSelector: {matchLabels: {telemetry: "yes"}}}]}
podMonitor: {enabled: true, labels: {release: prometheus}, tokenSecret: clew-metrics}
single: {storage: {className: fast}}
ingest: {storage: {className: fast}}
agent: {enabled: true, tokenSecret: clew-agent, caSecret: clew-ca, tenant: shop}
config:
  rules: {files: [/etc/clew/rules]}
  access:
    tokens: [{name: ops, hash: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", role: admin, tenants: ["*"]}]
    oidc:
      issuer: https://id.example.com
      client_id: clew
      client_secret_file: /etc/clew/oidc/secret
      grants: [{claim: groups, value: sre, role: admin, tenants: ["*"]}]
    public_url: https://clew.example.com
`

// variant is a way to install the chart.
type variant struct {
	name  string
	files []string // values beside the chart's own
	text  string   // and what is set by hand
}

var variants = []variant{
	{name: "single"},
	{name: "cluster", files: []string{"values-cluster.yaml"}},
	{name: "single with everything", text: everything},
	{name: "cluster with everything", files: []string{"values-cluster.yaml"}, text: everything},
	{name: "cluster with credentials of NATS", files: []string{"values-cluster.yaml"}, text: "nats: {credsSecret: nats-creds}"},
}

// values are a variant's, over the chart's.
func (v variant) values(t *testing.T) map[string]any {
	t.Helper()
	all := map[string]any{}
	texts := []string{v.text}
	for _, file := range v.files {
		texts = append([]string{read(t, filepath.Join(chartDir, file))}, texts...)
	}
	for _, text := range texts {
		over := map[string]any{}
		if err := yaml.Unmarshal([]byte(text), &over); err != nil {
			t.Fatal(err)
		}
		all = chartutil.CoalesceTables(over, all)
	}
	return all
}

// render makes the chart's objects, by their file, as the first installation has them.
func render(v map[string]any) (map[string]string, error) { return renderInto(v, nil) }

// renderInto makes them for a namespace that has Secrets.
func renderInto(v map[string]any, secrets []runtime.Object) (map[string]string, error) {
	chart, err := loader.Load(top(chartDir))
	if err != nil {
		return nil, err
	}
	release := chartutil.ReleaseOptions{Name: "clew", Namespace: "telemetry", IsInstall: len(secrets) == 0, IsUpgrade: len(secrets) > 0}
	all, err := chartutil.ToRenderValues(chart, v, release, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.RenderWithClientProvider(chart, all, namespace{secrets})
}

// namespace is what the chart finds when it looks into the cluster.
type namespace struct{ secrets []runtime.Object }

// GetClientFor implements engine.ClientProvider.
func (n namespace) GetClientFor(apiVersion, kind string) (dynamic.NamespaceableResourceInterface, bool, error) {
	if apiVersion != "v1" || kind != "Secret" {
		return nil, false, fmt.Errorf("the chart looks for %s %s", apiVersion, kind)
	}
	return fake.NewSimpleDynamicClient(scheme.Scheme, n.secrets...).Resource(core.SchemeGroupVersion.WithResource("secrets")), true, nil
}

func TestChartLints(t *testing.T) {
	for _, v := range variants {
		for _, m := range lint.All(top(chartDir), v.values(t), "telemetry", true).Messages {
			if m.Severity >= support.WarningSev {
				t.Errorf("%s: %v", v.name, m)
			}
		}
	}
}

func TestChartRenders(t *testing.T) {
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			files, err := render(v.values(t))
			if err != nil {
				t.Fatal(err)
			}
			for file, text := range files {
				noSecret(t, file, text)
			}
			objects := parse(t, files)
			objects.check(t)
			checkMode(t, objects, v)
		})
	}
}

// parse reads what was rendered.
func parse(t *testing.T, files map[string]string) *objects {
	t.Helper()
	objects := newObjects()
	for _, file := range slices.Sorted(maps.Keys(files)) {
		if filepath.Ext(file) != ".yaml" {
			continue
		}
		docs := yamlutil.NewYAMLReader(bufio.NewReader(strings.NewReader(files[file])))
		for {
			doc, err := docs.Read()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := objects.add(doc); err != nil {
				t.Errorf("%s: %v\n%s", file, err, doc)
			}
		}
	}
	return objects
}

// checkMode says whether what should be there is.
func checkMode(t *testing.T, o *objects, v variant) {
	t.Helper()
	want := []string{"single"}
	if len(v.files) > 0 {
		want = []string{"collector", "ingest", "query"}
	}
	var have []string
	for _, name := range slices.Sorted(maps.Keys(o.pods)) {
		if component := o.pods[name].Labels["app.kubernetes.io/component"]; component != "agent" {
			have = append(have, component)
		}
	}
	if !slices.Equal(have, want) {
		t.Errorf("components %v, want %v", have, want)
	}
	for _, component := range want[len(want)/3:] {
		if component != "single" && o.budgets["clew-"+component] == nil {
			t.Errorf("%s has no budget for disruptions", component)
		}
	}
	if len(o.policies) != 1 {
		t.Errorf("%d network policies", len(o.policies))
	}
	if len(v.text) > len(everything)-1 && o.pods["clew-agent"].Labels == nil {
		t.Error("no agent")
	}
}

// TestChartRefuses renders values that cannot work: the chart says so, and what.
func TestChartRefuses(t *testing.T) {
	for want, text := range map[string]string{
		`mode "both"`:      "mode: both",
		"nats.urls":        "{mode: cluster, store: {url: 's3://b/p'}}",
		"store.url":        "{mode: cluster, nats: {urls: ['nats://a:4222']}}",
		"nats.user":        "{mode: cluster, store: {url: 's3://b/p'}, nats: {urls: ['nats://a:4222'], user: clew}}",
		"nats.credsSecret": "{mode: cluster, store: {url: 's3://b/p'}, nats: {urls: ['nats://a:4222'], user: clew, passwordSecret: p, credsSecret: c}}",
		"single.replicas":  "single: {replicas: 2}",
	} {
		if _, err := render(variant{text: text}.values(t)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
