package tlsfiles

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
)

// Client names the PEM files of an outgoing connection: whom to trust, and what to show.
type Client struct {
	CAFile     string `yaml:"ca_file,omitempty"` // default: the system's authorities
	CertFile   string `yaml:"cert_file,omitempty"`
	KeyFile    string `yaml:"key_file,omitempty"`
	ServerName string `yaml:"server_name,omitempty"` // that the certificate must have, where it is not the address
}

// Set says whether anything is.
func (c *Client) Set() bool { return *c != Client{} }

// Validate returns every problem, each starting with its key.
func (c *Client) Validate() []error {
	var errs []error
	if c.CAFile != "" {
		if _, err := pool(c.CAFile); err != nil {
			errs = append(errs, fmt.Errorf("ca_file: %w", err))
		}
	}
	switch {
	case (c.CertFile == "") != (c.KeyFile == ""):
		errs = append(errs, errors.New("cert_file and key_file: one without the other"))
	case c.CertFile != "":
		if _, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile); err != nil {
			errs = append(errs, fmt.Errorf("cert_file and key_file: %w", err))
		}
	}
	return errs
}

// Config is the connection's TLS. What it shows follows the files; whom it trusts is as the files were: a process that dials for as long as it lives makes a
// new one for each connection.
func (c *Client) Config(logger *slog.Logger) (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: c.ServerName}
	if c.CAFile != "" {
		trusted, err := pool(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("authorities to trust: %w", err)
		}
		out.RootCAs = trusted
	}
	if c.CertFile == "" {
		return out, nil
	}
	f, err := follow([]string{c.CertFile, c.KeyFile}, func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		return &pair, err
	}, logger)
	if err != nil {
		return nil, fmt.Errorf("client certificate: %w", err)
	}
	out.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return f.get(), nil }
	return out, nil
}
