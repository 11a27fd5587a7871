package check

import (
	"crypto/tls"
	"crypto/x509"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// project reads a compose file as `docker compose config` does, with these variables.
func project(t *testing.T, file string, env ...string) (*types.Project, error) {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{top("deploy/compose/" + file)}, cli.WithEnv(env), cli.WithInterpolation(true), cli.WithResolvedPaths(true))
	if err != nil {
		return nil, err
	}
	return options.LoadProject(t.Context())
}

func TestCompose(t *testing.T) {
	for _, file := range []string{"compose.yaml", "cluster.yaml"} {
		t.Run(file, func(t *testing.T) {
			noSecret(t, file, read(t, "deploy/compose/"+file))
			p, err := project(t, file, "S3_ACCESS_KEY=a", "S3_SECRET_KEY=b")
			if err != nil {
				t.Fatal(err)
			}
			stages := dockerfile(t, "Dockerfile")
			if len(stages) == 0 {
				t.Fatal("no stages")
			}
			for name, s := range p.Services {
				checkService(t, p, name, &s)
				if strings.HasPrefix(s.Image, "clew:") {
					checkClewService(t, name, &s)
				}
			}
		})
	}
}

// checkService is what holds for all.
func checkService(t *testing.T, p *types.Project, name string, s *types.ServiceConfig) {
	t.Helper()
	for _, port := range s.Ports {
		if port.HostIP != "127.0.0.1" {
			t.Errorf("%s: port %s is published at %q", name, port.Published, port.HostIP)
		}
	}
	for _, v := range s.Volumes {
		if _, ok := p.Volumes[v.Source]; !ok || v.Type != types.VolumeTypeVolume {
			t.Errorf("%s: volume %q", name, v.Source)
		}
	}
	for _, c := range s.Configs {
		if p.Configs[c.Source].File == "" {
			t.Errorf("%s: config %q", name, c.Source)
		}
	}
	for dependency := range s.DependsOn {
		if _, ok := p.Services[dependency]; !ok {
			t.Errorf("%s depends on %s", name, dependency)
		}
	}
}

func checkClewService(t *testing.T, name string, s *types.ServiceConfig) {
	t.Helper()
	checkCommand(t, name, s.Command)
	if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.MemLimit == 0 || len(s.Entrypoint) > 0 {
		t.Errorf("%s is not hardened", name)
	}
	if i := slices.Index(s.Command, "--role"); i > 0 {
		checkRole(t, name, s.Command[i+1])
		if s.Hostname != name || s.Command[slices.Index(s.Command, "--name")+1] != name {
			t.Errorf("%s is called %q and %q: others are told its host's name", name, s.Hostname, s.Command)
		}
	}
	data := s.Command[slices.Index(s.Command, "--data")+1]
	for _, v := range s.Volumes {
		if v.Target != data && !v.ReadOnly {
			t.Errorf("%s may write into %+v", name, v)
		}
	}
	if !slices.ContainsFunc(s.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Target == data }) {
		t.Errorf("%s keeps its data in %s, and the volumes are %+v", name, data, s.Volumes)
	}
	file := s.Command[slices.Index(s.Command, "--config")+1]
	if len(s.Configs) != 1 || s.Configs[0].Target != file {
		t.Errorf("%s reads %s and is given %+v", name, file, s.Configs)
	}
}

func TestComposeConfigs(t *testing.T) {
	checkConfig(t, read(t, "deploy/compose/clew.yaml"))
	checkConfig(t, strings.ReplaceAll(read(t, "deploy/compose/cluster-clew.yaml"), "/tls/", certificates(t).clew+"/"))
}

// made are the directories that certificates.sh fills.
type made struct{ authority, nats, clew string }

func certificates(t *testing.T) made {
	t.Helper()
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skip("no openssl")
	}
	dir := t.TempDir()
	m := made{dir + "/authority", dir + "/nats", dir + "/clew"}
	for _, d := range []string{m.authority, m.nats, m.clew} {
		if err := os.Mkdir(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	m.run(t)
	return m
}

func (m made) run(t *testing.T) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "sh", top("deploy/compose/certificates.sh"), m.authority, m.nats, m.clew).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// The script's certificates are good for both ends of a connection, keys are for nobody else to read, and it changes nothing of what is good: run again, all is as it
// was; where a certificate is gone, another is made of the same authority, and the password stays.
func TestComposeCertificates(t *testing.T) {
	m := certificates(t)
	roots := x509.NewCertPool()
	authority, err := os.ReadFile(m.clew + "/ca.pem")
	if err != nil || !roots.AppendCertsFromPEM(authority) {
		t.Fatalf("no authority: %v", err)
	}
	for file, name := range map[string]string{m.nats: "nats-2", m.clew: "clew.internal"} {
		pair, err := tls.LoadX509KeyPair(file+"/tls.pem", file+"/tls.key")
		if err != nil {
			t.Fatal(err)
		}
		for _, use := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
			if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name, KeyUsages: []x509.ExtKeyUsage{use}}); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	for _, file := range []string{m.nats + "/tls.key", m.clew + "/tls.key", m.clew + "/nats.password", m.nats + "/authorization.conf", m.authority + "/ca.key"} {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info, err)
		}
	}
	contents := func() map[string]string {
		all := map[string]string{}
		for _, dir := range []string{m.nats, m.clew} {
			for _, name := range []string{"ca.pem", "tls.pem", "tls.key", "nats.password", "authorization.conf"} {
				text, _ := os.ReadFile(filepath.Join(dir, name)) // some are in one of them
				all[filepath.Join(dir, name)] = string(text)
			}
		}
		return all
	}
	before := contents()
	m.run(t)
	if after := contents(); !maps.Equal(before, after) {
		t.Error("run again it makes others")
	}
	if err := os.Remove(m.clew + "/tls.pem"); err != nil {
		t.Fatal(err)
	}
	m.run(t)
	after := contents()
	if after[m.clew+"/tls.pem"] == before[m.clew+"/tls.pem"] || after[m.clew+"/tls.pem"] == "" {
		t.Error("a certificate that is gone is not made again")
	}
	delete(before, m.clew+"/tls.pem")
	delete(before, m.clew+"/tls.key")
	for file, text := range before {
		if after[file] != text {
			t.Errorf("%s has changed", file)
		}
	}
}

// Keys of the store are asked for, and never made up.
func TestComposeWantsKeys(t *testing.T) {
	if _, err := project(t, "cluster.yaml"); err == nil || !strings.Contains(err.Error(), "S3_ACCESS_KEY") {
		t.Errorf("without keys: %v", err)
	}
}
