package api

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
)

// A path that no route takes is a page of the interface for a browser, and a JSON error for a program.
func TestPagesAndUnknownPaths(t *testing.T) {
	s := New(Deps{
		Registry: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler),
		UI: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a page") }),
	})
	for _, test := range []struct {
		method, path, body string
		code               int
	}{
		{"GET", "/", "a page", 200},
		{"GET", "/search?q=a", "a page", 200},
		{"GET", "/trace/4bf92f3577b34da6a3ce929d0e0e4736", "a page", 200},
		{"GET", "/assets/index.js", "a page", 200},
		{"GET", "/apiary", "a page", 200},
		{"GET", "/healthz", "ok", 200},
		{"GET", "/api/v1/nonsense", `"not_found"`, 404},
		{"GET", "/api", `"not_found"`, 404},
		{"GET", "/loki/api/v1/labels", `"not_found"`, 404},
		{"POST", "/v1/logs", `"not_found"`, 404},
		{"POST", "/search", `"not_found"`, 404},
		{"POST", "/healthz", `"method_not_allowed"`, 405},
	} {
		w := httptest.NewRecorder()
		s.ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
		if w.Code != test.code || !strings.Contains(w.Body.String(), test.body) {
			t.Errorf("%s %s: %d %s", test.method, test.path, w.Code, w.Body)
		}
	}
}
