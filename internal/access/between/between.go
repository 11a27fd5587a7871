// Package between secures what clew's processes say to each other: TLS both ways, with certificates of one authority. A process shows the same certificate
// whether it asks or answers, and takes another for one of its own by a name that the certificate has, not by its address: processes come and go.
package between

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"

	"clew/internal/access/tlsfiles"
)

// Config names PEM files. Empty: what processes say to each other is neither encrypted nor asked for.
type Config struct {
	CertFile string `yaml:"cert_file,omitempty"`
	KeyFile  string `yaml:"key_file,omitempty"`
	CAFile   string `yaml:"ca_file,omitempty"`
	// Name is a DNS name that the certificates of all processes of this clew have, among others. It tells them from whatever else the authority has signed.
	Name string `yaml:"name,omitempty"`
}

// On says whether processes ask each other.
func (c *Config) On() bool { return *c != Config{} }

// Validate returns every problem, each starting with its key.
func (c *Config) Validate() []error {
	if !c.On() {
		return nil
	}
	if c.CertFile == "" || c.KeyFile == "" || c.CAFile == "" || c.Name == "" {
		return []error{errors.New("want cert_file, key_file, ca_file and name")}
	}
	errs := (&tlsfiles.Server{CertFile: c.CertFile, KeyFile: c.KeyFile, ClientCAFile: c.CAFile}).Validate()
	if len(errs) > 0 {
		return errs
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err == nil {
		err = pair.Leaf.VerifyHostname(c.Name)
	}
	if err != nil {
		errs = append(errs, fmt.Errorf("name: %w", err))
	}
	return errs
}

// Server gives the options of a server that answers other processes of this clew and nobody else; without a configuration it answers everybody. The
// certificates follow their files.
func (c *Config) Server(logger *slog.Logger) ([]grpc.ServerOption, error) {
	if !c.On() {
		return nil, nil
	}
	files := &tlsfiles.Server{CertFile: c.CertFile, KeyFile: c.KeyFile, ClientCAFile: c.CAFile}
	following, err := files.Config(logger)
	if err != nil {
		return nil, fmt.Errorf("TLS between processes: %w", err)
	}
	current := following.GetConfigForClient
	following.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		config, err := current(hello)
		if err != nil {
			return nil, err
		}
		config = config.Clone()
		config.VerifyConnection = func(state tls.ConnectionState) error { return state.PeerCertificates[0].VerifyHostname(c.Name) }
		return config, nil
	}
	return []grpc.ServerOption{grpc.Creds(credentials.NewTLS(following))}, nil
}

// Dial gives the options of a connection to another process. What it shows follows the files, and so does whom it trusts.
func (c *Config) Dial(logger *slog.Logger) ([]grpc.DialOption, error) {
	if !c.On() {
		return []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}, nil
	}
	client := &tlsfiles.Client{CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile, ServerName: c.Name}
	config, err := client.Config(logger)
	if err != nil {
		return nil, fmt.Errorf("TLS between processes: %w", err)
	}
	// The chain is verified below, by the authority as it is in the file now.
	config.InsecureSkipVerify = true
	config.VerifyConnection = func(state tls.ConnectionState) error { return c.verify(state) }
	return []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(config))}, nil
}

// verify does what TLS does with a fixed authority.
func (c *Config) verify(state tls.ConnectionState) error {
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(), DNSName: c.Name}
	if !options.Roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", c.CAFile)
	}
	for _, cert := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(cert)
	}
	_, err = state.PeerCertificates[0].Verify(options)
	return err
}
