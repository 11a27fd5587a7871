package notify

import (
	"errors"
	"fmt"
	"net/http"
	"os"

	"github.com/prometheus/common/config"
)

// Access is how Alertmanagers that ask who comes are met: the same for all of them. Secrets are in files only, which are read again as they change, so that what is printed of
// a configuration has none.
type Access struct {
	User            string    `yaml:"user"`
	PasswordFile    string    `yaml:"password_file"`     // of User
	BearerTokenFile string    `yaml:"bearer_token_file"` // instead of User
	TLS             AccessTLS `yaml:"tls"`               // where the certificate is not of a public authority, or ours is asked for
}

// AccessTLS names PEM files.
type AccessTLS struct {
	CAFile             string `yaml:"ca_file"`
	CertFile           string `yaml:"cert_file"`
	KeyFile            string `yaml:"key_file"`
	ServerName         string `yaml:"server_name"` // that the certificate must be for, if not the URL's
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"`
}

// Validate returns all that is wrong, each with its key. Files must be there.
func (a *Access) Validate() []error {
	var problems []error
	if a.User != "" && a.BearerTokenFile != "" {
		problems = append(problems, errors.New("bearer_token_file: not with user"))
	}
	if (a.User == "") != (a.PasswordFile == "") {
		problems = append(problems, errors.New("password_file: want it together with user"))
	}
	files := [][2]string{{"password_file", a.PasswordFile}, {"bearer_token_file", a.BearerTokenFile}}
	t := &a.TLS
	if (t.CertFile == "") != (t.KeyFile == "") {
		problems = append(problems, errors.New("tls.key_file: want it together with tls.cert_file"))
	}
	files = append(files, [2]string{"tls.ca_file", t.CAFile}, [2]string{"tls.cert_file", t.CertFile}, [2]string{"tls.key_file", t.KeyFile})
	for _, f := range files {
		if f[1] == "" {
			continue
		}
		if _, err := os.Stat(f[1]); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", f[0], err))
		}
	}
	return problems
}

// Credentials says whether requests say who comes.
func (a *Access) Credentials() bool { return a.User != "" || a.BearerTokenFile != "" }

// client makes what asks an Alertmanager.
func (a *Access) client() (*http.Client, error) {
	c := config.DefaultHTTPClientConfig
	switch {
	case a.User != "":
		c.BasicAuth = &config.BasicAuth{Username: a.User, PasswordFile: a.PasswordFile}
	case a.BearerTokenFile != "":
		c.Authorization = &config.Authorization{Type: "Bearer", CredentialsFile: a.BearerTokenFile}
	}
	t := &a.TLS
	c.TLSConfig = config.TLSConfig{CAFile: t.CAFile, CertFile: t.CertFile, KeyFile: t.KeyFile, ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify}
	c.ProxyFromEnvironment = true
	client, err := config.NewClientFromConfig(c, "alertmanager")
	if err != nil {
		return nil, fmt.Errorf("access to Alertmanagers: %w", err)
	}
	client.Timeout = requestTimeout
	return client, nil
}
