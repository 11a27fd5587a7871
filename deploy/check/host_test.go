package check

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// TestUnits has systemd read the units, with the program where it is here.
func TestUnits(t *testing.T) {
	for _, path := range []string{"deploy/systemd/clew.service", "deploy/agent/clew-agent.service"} {
		t.Run(path, func(t *testing.T) {
			text := read(t, path)
			noSecret(t, path, text)
			for _, line := range regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/clew (.*)$`).FindAllStringSubmatch(text, -1) {
				checkCommand(t, path, strings.Fields(line[1]))
			}
			for _, key := range []string{"Restart=always", "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=", "WantedBy=multi-user.target"} {
				if !strings.Contains(text, "\n"+key) {
					t.Errorf("no %s", key)
				}
			}
			analyze, err := exec.LookPath("systemd-analyze")
			if err != nil {
				t.Skip("no systemd-analyze here")
			}
			file := filepath.Join(t.TempDir(), filepath.Base(path))
			program, err := filepath.Abs(clew)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "/usr/local/bin/clew", program)), 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.CommandContext(t.Context(), analyze, "verify", "--man=no", "--recursive-errors=no", file).CombinedOutput()
			if err != nil || strings.Contains(string(out), filepath.Base(path)+":") {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

// exposureMost is what systemd's own measure of what a unit may do (0 to 10, in tenths) may be: "OK" ends at 5.0.
const exposureMost = 20

func TestServerUnitIsHardened(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("no systemd-analyze here")
	}
	out, err := exec.CommandContext(t.Context(), analyze, "security", "--no-pager", "--offline=true", fmt.Sprintf("--threshold=%d", exposureMost), top("deploy/systemd/clew.service")).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

// TestNATSConfiguration is what `nats-server -t` does, and what no client can see.
func TestNATSConfiguration(t *testing.T) {
	options, err := server.ProcessConfigFile(top("deploy/nats/nats.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if !options.SyncAlways {
		t.Error("writes are acknowledged before they are on the disk")
	}
	if options.MaxPayload < 8<<20 || !options.JetStream || options.StoreDir == "" || options.Cluster.Name == "" || len(options.Routes) != 3 {
		t.Errorf("max_payload %d, jetstream %v in %q, cluster %q of %d", options.MaxPayload, options.JetStream, options.StoreDir, options.Cluster.Name, len(options.Routes))
	}
	if strings.HasPrefix(options.HTTPHost, "0.") || options.HTTPHost == "" {
		t.Errorf("anybody may look at its monitoring: %q", options.HTTPHost)
	}
}
