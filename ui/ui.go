// Package ui serves the web interface.
//
// The application is TypeScript under src, built into dist by `make ui` and embedded when clew is built with the tag `ui`. Without the tag, as on a
// machine without Node, a single page tells what runs where and how to use the API and the terminal; everything else of clew is the same.
//
// The pages may talk to nobody but the clew that served them: the content security policy says so to the browser.
package ui

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"html/template"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"sync"
)

// Facts is what the page tells: what runs where.
type Facts struct {
	Version  string `json:"version"`
	HTTP     string `json:"http"` // UI and API
	OTLPGRPC string `json:"otlpGrpc"`
	OTLPHTTP string `json:"otlpHttp"`
	Data     string `json:"data"`
}

// FactsPath is where the application asks for the Facts.
const FactsPath = "/facts.json"

const (
	policyApp = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	policyPlaceholder = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	gzipBytesMin      = 1 << 10 // below it the header costs more than it saves
)

//go:embed placeholder/index.html
var placeholder string

var page = template.Must(template.New("index").Parse(placeholder))

// Handler serves the interface: the application if it was built in, else the placeholder. It answers every path that is not a file of the
// application with the application, whose routes are the browser's business.
func Handler(facts Facts) http.Handler {
	told, err := json.Marshal(facts)
	if err != nil {
		panic(err) // five strings
	}
	app := handlerOf(facts)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Header().Set("Referrer-Policy", "same-origin")
		if r.URL.Path == FactsPath {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Cache-Control", "no-cache")
			_, _ = w.Write(told) // a write fails only when the reader has gone, and then nobody is left to tell
			return
		}
		app.ServeHTTP(w, r)
	})
}

func handlerOf(facts Facts) http.Handler {
	if dist := dist(); dist != nil {
		return &application{files: dist}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policyPlaceholder)
		h.Set("Cache-Control", "no-cache")
		_ = page.Execute(w, facts)
	})
}

// application serves the files of a build.
type application struct {
	files  fs.FS
	zipped sync.Map // name to []byte; the files never change, so each is compressed once
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	name := strings.TrimPrefix(path.Clean("/"+r.URL.Path), "/")
	if strings.HasPrefix(name, ".") {
		name = "" // the build's own notes are nobody's page
	}
	body, err := fs.ReadFile(a.files, name)
	switch {
	case err == nil && strings.HasPrefix(name, "assets/"):
		h.Set("Cache-Control", "public, max-age=31536000, immutable") // their names hold a hash of their content
	case strings.HasPrefix(name, "assets/"):
		// An asset of another version must not be answered with a page, which the browser would take for the asset.
		http.Error(w, "there is no such asset in this version", http.StatusNotFound)
		return
	default:
		if err != nil {
			name = "index.html"
			if body, err = fs.ReadFile(a.files, name); err != nil {
				http.Error(w, "the interface was built without its page", http.StatusInternalServerError)
				return
			}
		}
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("Content-Security-Policy", policyApp)
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		h.Set("Content-Type", kind)
	}
	h.Add("Vary", "Accept-Encoding")
	if len(body) >= gzipBytesMin && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = a.gzipped(name, body)
	}
	_, _ = w.Write(body)
}

func (a *application) gzipped(name string, body []byte) []byte {
	if zipped, ok := a.zipped.Load(name); ok {
		return zipped.([]byte)
	}
	var buf bytes.Buffer
	z, _ := gzip.NewWriterLevel(&buf, gzip.BestCompression) // the level is valid
	_, _ = z.Write(body)                                    // a buffer takes everything
	_ = z.Close()
	a.zipped.Store(name, buf.Bytes())
	return buf.Bytes()
}
