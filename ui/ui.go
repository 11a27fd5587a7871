// Package ui serves the web interface that is built into the binary.
package ui

import (
	_ "embed"
	"html/template"
	"net/http"
)

// Facts is what the page tells: what runs where.
type Facts struct {
	Version  string
	HTTP     string // UI and API
	OTLPGRPC string
	OTLPHTTP string
	Data     string
}

//go:embed placeholder/index.html
var placeholder string

var page = template.Must(template.New("index").Parse(placeholder))

// Handler serves the interface's pages.
func Handler(facts Facts) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Cache-Control", "no-cache")
		// A write fails only when the reader has gone, and then nobody is left to tell.
		_ = page.Execute(w, facts)
	})
}
