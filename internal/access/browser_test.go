package access

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"testing"
)

// A session that somebody planted under the name of plain HTTP is none where there is TLS: a neighbouring host can plant that one, and not the other.
func TestPlantedSession(t *testing.T) {
	token, hash := NewToken()
	cfg := DefaultConfig()
	cfg.Tokens = []Token{{Name: "a", Hash: hash, Role: Read, Tenants: []string{"*"}}}
	g := newGuard(t, cfg)
	begun, no := g.LoginToken(httptest.NewRequest(http.MethodPost, "/auth/token", nil), token)
	if no != nil {
		t.Fatal(no)
	}
	for _, test := range []struct {
		name string
		tls  bool
		want bool
	}{{cookiePlain, false, true}, {cookiePlain, true, false}, {cookieSecure, true, true}, {cookieSecure, false, false}} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		if test.tls {
			r.TLS = &tls.ConnectionState{}
		}
		r.AddCookie(&http.Cookie{Name: test.name, Value: begun.Value})
		if _, no := g.Admit(r, "test", Need{Role: Read}); (no == nil) != test.want {
			t.Errorf("%+v: %v", test, no)
		}
	}
}

// A page of another site cannot use what a browser shows by itself: neither a session nor a certificate. What a program shows is its own.
func TestForeignPages(t *testing.T) {
	token, hash := NewToken()
	cfg := DefaultConfig()
	cfg.Tokens = []Token{{Name: "a", Hash: hash, Role: Admin, Tenants: []string{"*"}}}
	cfg.Certificates = []Certificate{{Name: "ada", Role: Admin, Tenants: []string{"*"}}}
	g := newGuard(t, cfg)
	leaf := &x509.Certificate{DNSNames: []string{"ada"}}
	certificate := &tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}, VerifiedChains: [][]*x509.Certificate{{leaf}}}
	plain := httptest.NewRequest(http.MethodPost, "/auth/token", nil)
	plain.TLS = &tls.ConnectionState{}
	session, no := g.LoginToken(plain, token)
	if no != nil {
		t.Fatal(no)
	}
	for name, test := range map[string]struct {
		session, certificate bool
		headers              []string
		want                 int
	}{
		"session, foreign":               {true, false, []string{"Origin", "https://evil.example"}, 403},
		"session, nothing said":          {true, false, nil, 403},
		"session, empty Authorization":   {true, false, []string{"Authorization", "", "Origin", "https://evil.example"}, 403},
		"session, own page":              {true, false, []string{"Sec-Fetch-Site", "same-origin"}, 200},
		"session, neighbouring host":     {true, false, []string{"Sec-Fetch-Site", "same-site", "Origin", "http://example.com"}, 403},
		"certificate, foreign":           {false, true, []string{"Origin", "https://evil.example"}, 403},
		"certificate, foreign by site":   {false, true, []string{"Sec-Fetch-Site", "cross-site"}, 403},
		"certificate, own page":          {false, true, []string{"Sec-Fetch-Site", "same-origin"}, 200},
		"certificate, a program":         {false, true, nil, 200},
		"token, a page that has it":      {false, false, []string{"Authorization", "Bearer " + token, "Origin", "https://app.example"}, 200},
		"certificate, wrong token first": {false, true, []string{"Authorization", "Bearer x"}, 401},
	} {
		r := httptest.NewRequest(http.MethodPost, "https://example.com/x", nil)
		r.TLS = &tls.ConnectionState{}
		if test.certificate {
			r.TLS = certificate
		}
		if test.session {
			r.AddCookie(session)
		}
		for i := 0; i < len(test.headers); i += 2 {
			r.Header.Set(test.headers[i], test.headers[i+1])
		}
		have := http.StatusOK
		if _, no := g.Admit(r, "test", Need{Role: Admin}); no != nil {
			have = no.Status
		}
		if have != test.want {
			t.Errorf("%s: %d, want %d", name, have, test.want)
		}
	}
}

// What clew passes on to another door of its own shows there what it showed at the first, and nothing else behind a door sees it.
func TestForward(t *testing.T) {
	token, hash := NewToken()
	cfg := DefaultConfig()
	cfg.Tokens = []Token{{Name: "a", Hash: hash, Role: Write, Tenants: []string{"shop"}}}
	g := newGuard(t, cfg)
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	in, no := g.Admit(r, "test", Need{Role: Write})
	if no != nil {
		t.Fatal(no)
	}
	on := httptest.NewRequest(http.MethodPost, "/", nil)
	if From(in.Context()).Forward(on.Header); in.Header.Get("Authorization") != "" || on.Header.Get("Authorization") != "Bearer "+token {
		t.Errorf("behind the door: %v, passed on: %v", in.Header, on.Header)
	}
	if From(t.Context()).Forward(on.Header); on.Header.Get("Authorization") == "" {
		t.Error("where nobody is asked, what is shown is taken away")
	}
}

// An e-mail address that the provider has not verified brings nothing, in whichever way it says so.
func TestUnverifiedAddress(t *testing.T) {
	p := &provider{cfg: OIDC{Grants: []Claim{{Claim: "email", Value: "ada@example.com", Role: Admin, Tenants: []string{"*"}}}}}
	for _, test := range []struct {
		verified any
		want     bool
	}{{true, true}, {nil, true}, {"true", true}, {false, false}, {"false", false}} {
		id := p.identity(map[string]any{"email": "ada@example.com", "email_verified": test.verified, "sub": "1"})
		if (len(id.Grants) == 1) != test.want || (id.Name == "ada@example.com") != test.want {
			t.Errorf("verified %v: %+v", test.verified, id)
		}
	}
}
