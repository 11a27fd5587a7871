package notify

import (
	"context"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prometheus/prometheus/model/labels"

	"clew/query/alert"
)

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// An Alertmanager behind a certificate of an authority of one's own, which asks for a password or a token; both are read again when they change.
func TestAccess(t *testing.T) {
	said := make(chan string, 100)
	server := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { said <- r.Header.Get("Authorization") }))
	t.Cleanup(server.Close)
	ca := write(t, "ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})))
	password, token := write(t, "password", "first\n"), write(t, "token", "abc\n")
	for _, c := range []struct {
		access       Access
		file         string
		before, then string
	}{
		{Access{User: "me", PasswordFile: password, TLS: AccessTLS{CAFile: ca}}, password, "Basic bWU6Zmlyc3Q=", "Basic bWU6c2Vjb25k"},
		{Access{BearerTokenFile: token, TLS: AccessTLS{CAFile: ca}}, token, "Bearer abc", "Bearer second"},
	} {
		if problems := c.access.Validate(); len(problems) > 0 {
			t.Fatal(problems)
		}
		s, err := New(Options{URLs: []string{server.URL}, Access: c.access, Dir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = s.Run(ctx) }()
		t.Cleanup(func() { cancel(); <-done }) // its journal is in a folder that the test removes
		for _, want := range []string{c.before, c.then} {
			if err := s.Send(t.Context(), &alert.Notification{Labels: labels.FromStrings("x", "1"), StartsAt: time.Now(), EndsAt: time.Now().Add(time.Hour)}); err != nil {
				t.Fatal(err)
			}
			select {
			case got := <-said:
				if got != want {
					t.Errorf("said %q, want %q", got, want)
				}
			case <-time.After(10 * time.Second):
				t.Fatal("nobody came")
			}
			if err := os.WriteFile(c.file, []byte("second\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func TestAccessProblems(t *testing.T) {
	a := Access{User: "me", BearerTokenFile: "/nowhere/token", TLS: AccessTLS{CertFile: "/nowhere/cert"}}
	var all []string
	for _, err := range a.Validate() {
		key, _, _ := strings.Cut(err.Error(), ":")
		all = append(all, key)
	}
	if want := []string{"bearer_token_file", "password_file", "tls.key_file", "bearer_token_file", "tls.cert_file"}; !slices.Equal(all, want) {
		t.Errorf("problems of %q, want %q", all, want)
	}
}

// What is printed of URLs has no passwords, and is not taken for a configuration.
func TestPrinted(t *testing.T) {
	printed := Printed([]string{"https://me:hunter2@am.example.com/x", "http://am:9093", "http://a b:hunter2@%zz"})
	if strings.Contains(strings.Join(printed, " "), "hunter2") || printed[0] != "https://me:xxxxx@am.example.com/x" || printed[1] != "http://am:9093" {
		t.Errorf("printed %q", printed)
	}
	if err := CheckURL(printed[0]); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("error %v", err)
	}
}
