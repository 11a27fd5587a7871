package agents

import (
	"errors"
	"fmt"
	"net"
	"strings"
)

// Config is what the command line says. Everything else is the OpenTelemetry Collector's configuration: see Compose.
type Config struct {
	// Collectors are host:port of OTLP over gRPC; one is used at a time.
	Collectors []string
	// Data is the directory of checkpoints and of the queue.
	Data string
	// Root is where the host's file system is, "/" or a mount such as /hostfs in a container.
	Root string
	// Tenant is the header X-Scope-OrgID; "" is the collector's default.
	Tenant string
	// TokenFile has the bearer token that collectors ask for.
	TokenFile string
	TLS       TLS
	// QueueBytes bounds what waits on the disk for a collector.
	QueueBytes int64
	// Overrides is the configuration of the OpenTelemetry Collector that is merged over the default one.
	Overrides map[string]any
}

// TLS says how a collector is recognised, and how it recognises the agent; PEM files.
type TLS struct {
	// On uses TLS; any of the files does so too.
	On                        bool
	CAFile, CertFile, KeyFile string
	ServerName                string
}

// Enabled says whether connections are encrypted.
func (t TLS) Enabled() bool {
	return t.On || t.CAFile != "" || t.CertFile != "" || t.ServerName != ""
}

// DefaultConfig sends to a collector on this host.
func DefaultConfig() Config {
	return Config{Collectors: []string{"127.0.0.1:4317"}, Data: "clew-agent-data", Root: "/", QueueBytes: queueBytesDefault}
}

// Validate returns every problem of the flags.
func (c Config) Validate() error {
	var errs []error
	if len(c.Collectors) == 0 {
		errs = append(errs, errors.New("--collector: want host:port of a collector"))
	}
	for _, address := range c.Collectors {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			errs = append(errs, fmt.Errorf("--collector %q: want host:port, such as collector-1:4317 (no scheme)", address))
		}
	}
	if c.Data == "" {
		errs = append(errs, errors.New("--data: want a directory"))
	}
	if !strings.HasPrefix(c.Root, "/") {
		errs = append(errs, fmt.Errorf("--root %q: want an absolute path", c.Root))
	}
	if c.QueueBytes < queueBytesLeast {
		errs = append(errs, fmt.Errorf("--queue-bytes %d: want at least %d", c.QueueBytes, queueBytesLeast))
	}
	if (c.TLS.CertFile == "") != (c.TLS.KeyFile == "") {
		errs = append(errs, errors.New("--tls-cert and --tls-key: one without the other"))
	}
	return errors.Join(errs...)
}
