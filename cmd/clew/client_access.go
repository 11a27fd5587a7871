package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"clew/internal/access/tlsfiles"
)

// credentials are what a command shows to a server, and how it knows the server.
type credentials struct {
	token, tokenFile string
	tls              tlsfiles.Client
}

func (c *credentials) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&c.token, "token", "", "`token` to show (or set CLEW_TOKEN, which others on this host cannot see as they can command lines)")
	f.StringVar(&c.tokenFile, "token-file", "", "`file` that holds the token (or set CLEW_TOKEN_FILE)")
	f.StringVar(&c.tls.CAFile, "tls-ca", os.Getenv("CLEW_TLS_CA"), "PEM `file` of the authority that the server's certificate is of, if it is not one of the system's (or set CLEW_TLS_CA)")
	f.StringVar(&c.tls.CertFile, "tls-cert", os.Getenv("CLEW_TLS_CERT"), "PEM `file` of a client certificate to show (or set CLEW_TLS_CERT)")
	f.StringVar(&c.tls.KeyFile, "tls-key", os.Getenv("CLEW_TLS_KEY"), "PEM `file` of its key (or set CLEW_TLS_KEY)")
}

// secret is the token: the flags count more than the environment, and are not its defaults, which --help would print.
func (c *credentials) secret() (string, error) {
	token, file := c.token, c.tokenFile
	if token == "" && file == "" {
		token, file = os.Getenv("CLEW_TOKEN"), os.Getenv("CLEW_TOKEN_FILE")
	}
	switch {
	case token != "" && file != "":
		return "", errors.New("a token and a file of one: want one of them")
	case file != "":
		data, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("token: %w", err)
		}
		token = strings.TrimSpace(string(data))
		if token == "" {
			return "", fmt.Errorf("token: %s is empty", file)
		}
	}
	if strings.ContainsAny(token, " \t\r\n") {
		return "", errors.New("the token has blanks in it: was it cut?") // and is not repeated here
	}
	return token, nil
}

// client makes an HTTP client for one server: what it shows goes to no other, wherever an answer leads.
func (c *credentials) client(server *url.URL) (*http.Client, error) {
	token, err := c.secret()
	if err != nil {
		return nil, err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	if c.tls.Set() {
		for _, problem := range c.tls.Validate() {
			return nil, fmt.Errorf("--tls-ca, --tls-cert, --tls-key: %w", problem)
		}
		if transport.TLSClientConfig, err = c.tls.Config(slog.New(slog.DiscardHandler)); err != nil {
			return nil, err
		}
		transport.ForceAttemptHTTP2 = true
	}
	return &http.Client{Transport: &shower{base: transport, server: server, token: token}}, nil
}

// shower adds the token to requests to its server.
type shower struct {
	base   http.RoundTripper
	server *url.URL
	token  string
}

// RoundTrip is part of http.RoundTripper.
func (s *shower) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.token != "" && r.URL.Host == s.server.Host && r.URL.Scheme == s.server.Scheme {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+s.token)
	}
	return s.base.RoundTrip(r)
}

// accessHint says what to do about a refusal; empty: it is not about who asks.
func accessHint(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "show a token with --token-file FILE or CLEW_TOKEN, or a client certificate with --tls-cert and --tls-key; whoever runs this clew makes tokens with `clew token new`"
	case http.StatusForbidden:
		return "whoever runs this clew says in its configuration (access) who may do what, and at which tenants (--tenant)"
	}
	return ""
}
