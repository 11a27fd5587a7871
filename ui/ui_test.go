package ui

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

var testFacts = Facts{Version: "v1", HTTP: "127.0.0.1:1", OTLPGRPC: "127.0.0.1:2", OTLPHTTP: "127.0.0.1:3", Data: "/d<&"}

func get(h http.Handler, path, encoding string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestFacts(t *testing.T) {
	w := get(Handler(testFacts), FactsPath, "")
	var got Facts
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got != testFacts {
		t.Errorf("facts: %v %+v", err, got)
	}
}

// Whatever was built in, a page comes with a policy that keeps it at home.
func TestPageStaysAtHome(t *testing.T) {
	for _, path := range []string{"/", "/search", "/trace/4bf92f3577b34da6a3ce929d0e0e4736"} {
		w := get(Handler(testFacts), path, "")
		policy := w.Header().Get("Content-Security-Policy")
		if w.Code != http.StatusOK || !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "http") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %d %v", path, w.Code, w.Header())
		}
	}
}

func TestApplication(t *testing.T) {
	script := strings.Repeat("const a = 1;\n", 200)
	app := &application{files: fstest.MapFS{
		"index.html": {Data: []byte("<!doctype html>the page")}, "theme.js": {Data: []byte("let x")}, "assets/a-123.js": {Data: []byte(script)},
		".vite/manifest.json": {Data: []byte("{}")},
	}}
	for _, test := range []struct {
		path, cache, kind, body string
		code                    int
	}{
		{"/", "no-cache", "text/html", "the page", 200},
		{"/trace/abc?span=1", "no-cache", "text/html", "the page", 200},
		{"/../../etc/passwd", "no-cache", "text/html", "the page", 200},
		{"/.vite/manifest.json", "no-cache", "text/html", "the page", 200},
		{"/theme.js", "no-cache", "javascript", "let x", 200},
		{"/assets/a-123.js", "immutable", "javascript", "const a", 200},
		{"/assets/a-old.js", "", "text/plain", "no such asset", 404},
		{"/assets", "no-cache", "text/html", "the page", 200},
	} {
		w := get(app, test.path, "")
		h := w.Header()
		if w.Code != test.code || !strings.Contains(h.Get("Cache-Control"), test.cache) || !strings.Contains(h.Get("Content-Type"), test.kind) || !strings.Contains(w.Body.String(), test.body) {
			t.Errorf("%s: %d %v %q", test.path, w.Code, h, w.Body)
		}
	}
	for range 2 { // fresh, and from the cache
		w := get(app, "/assets/a-123.js", "br, gzip")
		if w.Header().Get("Content-Encoding") != "gzip" || w.Body.Len() >= len(script) {
			t.Errorf("not compressed: %v, %d bytes", w.Header(), w.Body.Len())
		}
	}
}
