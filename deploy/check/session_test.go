package check

import (
	"bytes"
	"net"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// madeSecret is the only one that the chart makes: the others are named.
const madeSecret = "clew-session"

// TestSessionKey: a login at one query process is one at the next, also after an upgrade, because all have one key.
func TestSessionKey(t *testing.T) {
	cluster := variant{files: []string{"values-cluster.yaml"}}
	installed := rendered(t, cluster, nil)
	key := installed.secrets[madeSecret].Data["session.key"]
	if len(key) < 32 || installed.secrets[madeSecret].Annotations["helm.sh/resource-policy"] != "keep" {
		t.Fatalf("a key of %d bytes, annotations %v", len(key), installed.secrets[madeSecret].Annotations)
	}
	const line = "session_key_file: /etc/clew/session/session.key"
	if text := installed.configs["clew"].Data["clew.yaml"]; !strings.Contains(text, line) {
		t.Errorf("the configuration does not name it:\n%s", text)
	}
	there := &core.Secret{
		TypeMeta:   meta.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: meta.ObjectMeta{Name: madeSecret, Namespace: "telemetry"}, Data: map[string][]byte{"session.key": key},
	}
	if again := rendered(t, cluster, []runtime.Object{there}).secrets[madeSecret].Data["session.key"]; !bytes.Equal(again, key) {
		t.Error("an upgrade makes another key: all logins would end")
	}
	if other := rendered(t, cluster, nil).secrets[madeSecret].Data["session.key"]; bytes.Equal(other, key) {
		t.Error("two installations have one key")
	}

	for name, tc := range map[string]struct {
		variant variant
		secret  string // that pods mount for it; "": none
	}{
		"a Secret is named":          {variant{files: cluster.files, text: "session: {keySecret: ours}"}, "ours"},
		"the configuration has one":  {variant{files: cluster.files, text: "{secretFiles: [{name: web, path: /etc/clew/web}], config: {access: {session_key_file: /etc/clew/web/key}}}"}, "web"},
		"one process makes its own":  {variant{}, ""},
		"values of an earlier chart": {variant{files: cluster.files, text: "session: null"}, madeSecret},
	} {
		o := rendered(t, tc.variant, nil)
		if _, made := o.secrets[madeSecret]; made != (tc.secret == madeSecret) {
			t.Errorf("%s: a Secret is made: %v", name, made)
		}
		for pod := range o.pods {
			mounted := ""
			for _, v := range o.pods[pod].Spec.Volumes {
				if v.Secret != nil {
					mounted = v.Secret.SecretName
				}
			}
			if mounted != tc.secret {
				t.Errorf("%s: %s mounts %q, want %q", name, pod, mounted, tc.secret)
			}
		}
	}
}

// TestFlightAddress: the address that processes are told is one with either family of addresses.
func TestFlightAddress(t *testing.T) {
	o := rendered(t, variant{files: []string{"values-cluster.yaml"}}, nil)
	for name := range o.pods {
		pod := o.pods[name]
		for _, ip := range []string{"10.0.0.5", "fd00::5"} {
			found := false
			for _, arg := range pod.Spec.Containers[0].Args {
				address, ok := strings.CutPrefix(arg, "--flight=")
				if !ok {
					continue
				}
				found = true
				host, port, err := net.SplitHostPort(strings.ReplaceAll(address, "$(POD_IP)", ip))
				if err != nil || host != ip || port != "7402" {
					t.Errorf("%s: %s with %s is %q and %q: %v", name, address, ip, host, port, err)
				}
			}
			if !found {
				t.Errorf("%s has no --flight", name)
			}
		}
	}
}

// rendered are a variant's objects for a namespace that has these Secrets.
func rendered(t *testing.T, v variant, secrets []runtime.Object) *objects {
	t.Helper()
	files, err := renderInto(v.values(t), secrets)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, files)
}
