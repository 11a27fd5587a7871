package shipper

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configtls"

	"clew/agents/diskqueue"
)

// Config is the exporter's part of the Collector's configuration.
type Config struct {
	// Collectors are host:port of OTLP over gRPC. One is used at a time; which one an agent prefers is its own, so that agents spread.
	Collectors []string `mapstructure:"collectors"`
	// Heartbeats are host:port of the collectors' OTLP over HTTP, in the same order. Empty: the port after each collector's (4318 for 4317).
	Heartbeats []string `mapstructure:"heartbeats"`
	// Data is the agent's directory; the queue is in its subdirectory "queue".
	Data       string `mapstructure:"data"`
	QueueBytes int64  `mapstructure:"queue_bytes"`
	// TLS has the keys of the Collector's own clients: insecure, ca_file, cert_file, key_file, server_name_override, ...
	TLS configtls.ClientConfig `mapstructure:"tls"`
	// Token is the bearer token that collectors ask for; TokenFile is read again for each connection attempt and heartbeat.
	Token     configopaque.String `mapstructure:"token"`
	TokenFile string              `mapstructure:"token_file"`
	// Tenant is sent as X-Scope-OrgID; empty is the collector's default.
	Tenant string `mapstructure:"tenant"`
}

func defaultConfig() component.Config {
	return &Config{Collectors: []string{"127.0.0.1:4317"}, Data: "clew-agent-data", QueueBytes: queueBytesDefault, TLS: configtls.ClientConfig{Insecure: true}}
}

// Validate is part of xconfmap.Validator.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Collectors) == 0 {
		errs = append(errs, errors.New("collectors: want host:port of one at least"))
	}
	addresses := func(key string, list []string) {
		for _, address := range list {
			host, port, err := net.SplitHostPort(address)
			if n, notNumber := strconv.ParseUint(port, 10, 16); err != nil || host == "" || notNumber != nil || n == 0 {
				errs = append(errs, fmt.Errorf("%s: %q: want host:port, such as collector-1:4317", key, address))
			}
		}
	}
	addresses("collectors", c.Collectors)
	addresses("heartbeats", c.Heartbeats)
	if len(c.Heartbeats) > 0 && len(c.Heartbeats) != len(c.Collectors) {
		errs = append(errs, fmt.Errorf("heartbeats: %d addresses for %d collectors: want one for each, or none", len(c.Heartbeats), len(c.Collectors)))
	}
	if c.Data == "" {
		errs = append(errs, errors.New("data: want a directory"))
	}
	if c.QueueBytes < diskqueue.BytesMaxMin {
		errs = append(errs, fmt.Errorf("queue_bytes: %d: want at least %d", c.QueueBytes, diskqueue.BytesMaxMin))
	}
	if c.Token != "" && c.TokenFile != "" {
		errs = append(errs, errors.New("token and token_file: want one of them"))
	}
	return errors.Join(errs...)
}

func (c *Config) queueDir() string { return filepath.Join(c.Data, "queue") }

// bearer is the token as of now; empty if there is none.
func (c *Config) bearer() (string, error) {
	if c.TokenFile == "" {
		return string(c.Token), nil
	}
	data, err := os.ReadFile(c.TokenFile)
	if err != nil {
		return "", fmt.Errorf("read token: %w", err)
	}
	return strings.TrimSpace(string(data)), nil
}

// heartbeatAddress is where the collector of index i takes heartbeats; empty if it cannot be known.
func (c *Config) heartbeatAddress(i int) string {
	if len(c.Heartbeats) > 0 {
		return c.Heartbeats[i]
	}
	return HeartbeatAddress(c.Collectors[i])
}

// HeartbeatAddress is where a collector takes heartbeats unless a configuration says so: the port after that of OTLP over gRPC. It is empty if the address is none.
func HeartbeatAddress(collector string) string {
	host, port, err := net.SplitHostPort(collector)
	n, notNumber := strconv.ParseUint(port, 10, 16)
	if err != nil || notNumber != nil {
		return ""
	}
	return net.JoinHostPort(host, strconv.FormatUint(n+1, 10))
}
