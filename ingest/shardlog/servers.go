package shardlog

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// Servers says how to reach NATS servers that run elsewhere, and what is asked of them. None: the log is embedded.
type Servers struct {
	// URLs are nats:// or tls:// addresses of some of the servers; they tell of the others.
	URLs []string `yaml:"urls"`
	// Replicas is how many servers keep each stream: 3 survives the loss of one. It counts when streams are created.
	Replicas int `yaml:"replicas"`
	// CredsFile is a NATS credentials file (JWT and seed). It excludes User.
	CredsFile string `yaml:"creds_file,omitempty"`
	// User and the file with its password.
	User         string `yaml:"user,omitempty"`
	PasswordFile string `yaml:"password_file,omitempty"`
	// TLS is needed where the servers' certificate is not of a public authority, or where they ask for ours.
	TLS *ServersTLS `yaml:"tls,omitempty"`
}

// ServersTLS names PEM files.
type ServersTLS struct {
	CAFile   string `yaml:"ca_file,omitempty"`
	CertFile string `yaml:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty"`
}

// DefaultServers names none.
func DefaultServers() Servers { return Servers{Replicas: replicasDefault} }

// Given says whether there are servers elsewhere.
func (s *Servers) Given() bool { return len(s.URLs) > 0 }

// Validate returns all that is wrong with s, each with its key.
func (s *Servers) Validate() []error {
	var errs []error
	problem := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for _, raw := range s.URLs {
		u, err := url.Parse(raw)
		switch {
		case err != nil || u.Host == "" || u.Scheme != "nats" && u.Scheme != "tls":
			problem("urls: %q: want such as nats://nats-1:4222 or tls://nats-1:4222", redact(raw))
		case u.User != nil:
			problem("urls: %q: credentials belong into creds_file, or user and password_file: an address is printed", redact(raw))
		}
	}
	if s.Replicas < 1 || s.Replicas > replicasMax || s.Replicas%2 == 0 {
		problem("replicas: %d: want 1, 3 or 5", s.Replicas)
	}
	if s.CredsFile != "" && s.User != "" {
		problem("creds_file: it excludes user")
	}
	if (s.User == "") != (s.PasswordFile == "") {
		problem("user: want it together with password_file")
	}
	if t := s.TLS; t != nil && (t.CertFile == "") != (t.KeyFile == "") {
		problem("tls.cert_file: want it together with tls.key_file")
	}
	return errs
}

// redact takes credentials out of an address.
func redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(not a URL)"
	}
	return u.Redacted()
}

// options are the client's. Files are read here, so that one that is missing is an error at the start and not a silent retry.
func (s *Servers) options() ([]nats.Option, error) {
	opts := []nats.Option{func(o *nats.Options) error {
		o.Servers = s.URLs
		return nil
	}}
	if s.CredsFile != "" {
		if _, err := os.Stat(s.CredsFile); err != nil {
			return nil, fmt.Errorf("credentials of NATS: %w", err)
		}
		opts = append(opts, nats.UserCredentials(s.CredsFile))
	}
	if s.User != "" {
		// Read at each connection, so that a password that was changed needs no restart.
		read := func() (string, string) {
			password, err := os.ReadFile(s.PasswordFile)
			if err != nil {
				return s.User, ""
			}
			return s.User, strings.TrimRight(string(password), "\r\n")
		}
		if _, err := os.Stat(s.PasswordFile); err != nil {
			return nil, fmt.Errorf("password of NATS: %w", err)
		}
		opts = append(opts, nats.UserInfoHandler(read))
	}
	if t := s.TLS; t != nil {
		opts = append(opts, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
		if t.CAFile != "" {
			opts = append(opts, nats.RootCAs(t.CAFile))
		}
		if t.CertFile != "" {
			opts = append(opts, nats.ClientCert(t.CertFile, t.KeyFile))
		}
	}
	return opts, nil
}

// errNoServers says that Connect was called without an address.
var errNoServers = errors.New("no address of a NATS server")
