// Package login serves the pages that people log in by: a token, or an OpenID Connect provider. They are pages without scripts: what runs in the browser
// before somebody is known is what can be known of it.
package login

import (
	_ "embed"
	"html/template"
	"net/http"
	"net/url"

	"clew/internal/access"
)

// Prefix begins the paths of all pages here.
const Prefix = "/auth/"

// PagePath is the login page.
const PagePath = "/auth/login"

//go:embed login.html
var source string

var page = template.Must(template.New("login").Parse(source))

// policy lets the page send its form to clew, and nothing else.
const policy = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const formBytesMax = 16 << 10

type facts struct {
	Provider bool
	Next     string
	Error    string
	Out      bool
	Over     bool // the session ended in the middle of something
}

// Handler serves everything under Prefix.
func Handler(guard *access.Guard) http.Handler {
	mux := http.NewServeMux()
	show := func(w http.ResponseWriter, status int, f facts) {
		f.Provider = guard.Ways()
		h := w.Header()
		h.Set("Content-Type", "text/html; charset=utf-8")
		h.Set("Content-Security-Policy", policy)
		w.WriteHeader(status)
		_ = page.Execute(w, f) // the reader has gone: nobody is left to tell
	}
	refuse := func(w http.ResponseWriter, next string, no *access.Refusal) {
		if no.Status != http.StatusUnauthorized { // a browser would ask for a password
			no.Challenge(w.Header())
		}
		show(w, no.Status, facts{Next: next, Error: no.Message})
	}
	mux.HandleFunc("GET "+PagePath, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		show(w, http.StatusOK, facts{Next: access.LocalPath(q.Get("next")), Out: q.Has("out"), Over: q.Has("over")})
	})
	mux.HandleFunc("POST /auth/token", func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, formBytesMax)
		next := access.LocalPath(r.PostFormValue("next"))
		if !guard.SameOrigin(r) {
			refuse(w, next, &access.Refusal{Status: http.StatusForbidden, Message: "the form is of another site's page"})
			return
		}
		cookie, no := guard.LoginToken(r, r.PostFormValue("token"))
		if no != nil {
			refuse(w, next, no)
			return
		}
		http.SetCookie(w, cookie)
		http.Redirect(w, r, next, http.StatusSeeOther)
	})
	mux.HandleFunc("GET /auth/provider", func(w http.ResponseWriter, r *http.Request) {
		next := access.LocalPath(r.URL.Query().Get("next"))
		to, cookie, no := guard.BeginProvider(r, next)
		if no != nil {
			refuse(w, next, no)
			return
		}
		http.SetCookie(w, cookie)
		http.Redirect(w, r, to, http.StatusSeeOther)
	})
	mux.HandleFunc("GET "+access.CallbackPath, func(w http.ResponseWriter, r *http.Request) {
		cookies, next, no := guard.FinishProvider(r)
		for _, c := range cookies {
			http.SetCookie(w, c)
		}
		if no != nil {
			refuse(w, next, no)
			return
		}
		http.Redirect(w, r, next, http.StatusSeeOther)
	})
	mux.HandleFunc("POST /auth/logout", func(w http.ResponseWriter, r *http.Request) {
		if !guard.SameOrigin(r) {
			refuse(w, "/", &access.Refusal{Status: http.StatusForbidden, Message: "the form is of another site's page"})
			return
		}
		for _, c := range guard.Logout(r) {
			http.SetCookie(w, c)
		}
		http.Redirect(w, r, PagePath+"?out", http.StatusSeeOther)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "same-origin") // without any, browsers would not say that the form is ours
		if !guard.On() {
			http.Redirect(w, r, "/", http.StatusSeeOther) // nobody is asked
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// PageFor is the login page that leads back to a page.
func PageFor(r *http.Request) string {
	return PagePath + "?" + url.Values{"next": {access.LocalPath(r.URL.RequestURI())}}.Encode()
}
