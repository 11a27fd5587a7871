package check

import (
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
	if data := s.Command[slices.Index(s.Command, "--data")+1]; len(s.Volumes) != 1 || s.Volumes[0].Target != data {
		t.Errorf("%s keeps its data in %s, and the volume is %+v", name, data, s.Volumes)
	}
	file := s.Command[slices.Index(s.Command, "--config")+1]
	if len(s.Configs) != 1 || s.Configs[0].Target != file {
		t.Errorf("%s reads %s and is given %+v", name, file, s.Configs)
	}
}

func TestComposeConfigs(t *testing.T) {
	for _, file := range []string{"clew.yaml", "cluster-clew.yaml"} {
		checkConfig(t, read(t, "deploy/compose/"+file))
	}
}

// Keys of the store are asked for, and never made up.
func TestComposeWantsKeys(t *testing.T) {
	if _, err := project(t, "cluster.yaml"); err == nil || !strings.Contains(err.Error(), "S3_ACCESS_KEY") {
		t.Errorf("without keys: %v", err)
	}
}
