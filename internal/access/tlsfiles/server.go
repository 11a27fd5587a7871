// Package tlsfiles makes TLS configurations of PEM files, and follows the files: a certificate that is renewed is used from the next connection on, and
// connections that are open stay. A pair that cannot be used (a key that is not the certificate's, a file that is half written) is not taken over, and the
// former one goes on serving.
package tlsfiles

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// Server names a listener's PEM files.
type Server struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ClientCAFile has the authorities whose client certificates are taken. With it they are required, unless ClientCertOptional.
	ClientCAFile string `yaml:"client_ca_file,omitempty"`
	// ClientCertOptional takes clients without a certificate too: browsers with a login, programs with a token.
	ClientCertOptional bool `yaml:"client_cert_optional,omitempty"`
}

// Validate returns every problem, each starting with its key: files that are not there, or that do not belong together.
func (s *Server) Validate() []error {
	var errs []error
	if s.CertFile == "" || s.KeyFile == "" {
		errs = append(errs, errors.New("want cert_file and key_file, names of PEM files"))
	} else if _, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile); err != nil {
		errs = append(errs, fmt.Errorf("cert_file and key_file: %w", err))
	}
	if s.ClientCAFile != "" {
		if _, err := pool(s.ClientCAFile); err != nil {
			errs = append(errs, fmt.Errorf("client_ca_file: %w", err))
		}
	} else if s.ClientCertOptional {
		errs = append(errs, errors.New("client_cert_optional: without client_ca_file there is nobody to verify certificates by"))
	}
	return errs
}

// follower holds what was made of files, and makes it again when they have changed.
type follower[T any] struct {
	files  []string
	load   func() (T, error)
	logger *slog.Logger
	now    func() time.Time

	mu      sync.Mutex
	looked  time.Time
	seen    []stamp
	current T
}

// stamp is how a file looked. A renewal that keeps its size and its time in nanoseconds does not happen.
type stamp struct {
	modified time.Time
	size     int64
}

// follow loads the files. It fails if they cannot be used now.
func follow[T any](files []string, load func() (T, error), logger *slog.Logger) (*follower[T], error) {
	f := &follower[T]{files: files, load: load, logger: logger, now: time.Now}
	f.seen = f.stamps()
	f.looked = f.now()
	var err error
	f.current, err = load()
	return f, err
}

func (f *follower[T]) stamps() []stamp {
	out := make([]stamp, len(f.files))
	for i, name := range f.files {
		if info, err := os.Stat(name); err == nil {
			out[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return out
}

// get is what the files make, looked at once in lookEvery: no clock runs while nobody connects.
func (f *follower[T]) get() T {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	if now.Sub(f.looked) < lookEvery {
		return f.current
	}
	f.looked = now
	seen := f.stamps()
	same := true
	for i := range seen {
		same = same && seen[i] == f.seen[i]
	}
	if same {
		return f.current
	}
	next, err := f.load()
	if err != nil {
		// Not remembered as seen: a file that was half written is tried again.
		f.logger.Error("changed TLS files cannot be used; the former ones stay", "files", f.files, "error", err)
		return f.current
	}
	f.seen, f.current = seen, next
	f.logger.Info("TLS files were read again", "files", f.files)
	return next
}

// Config is the listener's TLS, which follows the files.
func (s *Server) Config(logger *slog.Logger) (*tls.Config, error) {
	files := []string{s.CertFile, s.KeyFile}
	if s.ClientCAFile != "" {
		files = append(files, s.ClientCAFile)
	}
	f, err := follow(files, s.load, logger)
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		NextProtos:         []string{"h2", "http/1.1"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return f.get(), nil },
	}, nil
}

func (s *Server) load() (*tls.Config, error) {
	pair, err := tls.LoadX509KeyPair(s.CertFile, s.KeyFile)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, Certificates: []tls.Certificate{pair}}
	if s.ClientCAFile == "" {
		return c, nil
	}
	if c.ClientCAs, err = pool(s.ClientCAFile); err != nil {
		return nil, err
	}
	c.ClientAuth = tls.RequireAndVerifyClientCert
	if s.ClientCertOptional {
		c.ClientAuth = tls.VerifyClientCertIfGiven
	}
	return c, nil
}

func pool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", file)
	}
	return p, nil
}
