package access

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

func reopened(t *testing.T, dir string, now time.Time) *logouts {
	t.Helper()
	l, err := openLogouts(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// A session that was logged out stays out when clew starts again; the others stay in.
func TestLogoutOutlivesRestart(t *testing.T) {
	token, hash := NewToken()
	cfg := DefaultConfig()
	cfg.Tokens = []Token{{Name: "a", Hash: hash, Role: Read, Tenants: []string{"*"}}}
	data := t.TempDir()
	start := func() *Guard {
		g, err := New(cfg, Deps{Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(), Data: data})
		if err != nil {
			t.Fatal(err)
		}
		return g
	}
	login := func(g *Guard) *http.Cookie {
		c, no := g.LoginToken(httptest.NewRequest(http.MethodPost, "/auth/token", nil), token)
		if no != nil {
			t.Fatal(no)
		}
		return c
	}
	with := func(c *http.Cookie) *http.Request {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.AddCookie(c)
		return r
	}
	g := start()
	out, in := login(g), login(g)
	g.Logout(with(out))
	for _, again := range []bool{false, true} {
		if again {
			g = start()
		}
		if _, no := g.Admit(with(out), "test", Need{Role: Read}); no == nil || no.Reason != "session" {
			t.Errorf("after the logout, started again %v: %v", again, no)
		}
		if _, no := g.Admit(with(in), "test", Need{Role: Read}); no != nil {
			t.Errorf("the other session, started again %v: %v", again, no)
		}
	}
	if err := g.Set(cfg); err != nil { // a configuration that is read again
		t.Fatal(err)
	}
	if _, no := g.Admit(with(out), "test", Need{Role: Read}); no == nil {
		t.Error("a configuration that is read again brings a session back")
	}
	if info, err := os.Stat(filepath.Join(data, "access", "logouts")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
}

// A line that a crash has cut costs itself alone, and expired ones go.
func TestLogoutsFile(t *testing.T) {
	dir := t.TempDir()
	now := time.Unix(1_700_000_000, 0)
	l := reopened(t, dir, now)
	session := func(i int, hold time.Duration) *Session {
		return &Session{ID: fmt.Sprint("s", i), Begun: now.UnixNano() + int64(i), Expires: now.Add(hold).Unix()}
	}
	for i := range 3 {
		if err := l.end(session(i, time.Duration(i+1)*time.Hour), now); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.append("s4 17000"); err != nil {
		t.Fatal(err)
	}
	l = reopened(t, dir, now.Add(90*time.Minute))
	if len(l.of) != 2 || !l.over(session(1, 0)) || !l.over(session(2, 0)) || l.over(session(3, 0)) {
		t.Errorf("remembered: %v", l.of)
	}
	// What comes after the cut line is read.
	if err := l.end(session(5, 3*time.Hour), now.Add(90*time.Minute)); err != nil {
		t.Fatal(err)
	}
	if l = reopened(t, dir, now.Add(90*time.Minute)); !l.over(session(5, 0)) || l.lines != 4 {
		t.Errorf("remembered: %v, %d lines", l.of, l.lines)
	}
}

// The memory is bounded, and what no longer fits in is over rather than good again.
func TestLogoutsBound(t *testing.T) {
	dir := t.TempDir()
	now := time.Unix(1_700_000_000, 0)
	l := reopened(t, dir, now)
	session := func(i int) *Session {
		return &Session{ID: fmt.Sprint("s", i), Begun: now.UnixNano() + int64(i), Expires: now.Add(time.Hour).Unix()}
	}
	for i := range loggedOutMax { // without a write each: the disk is not what is tested
		s := session(2 * i)
		l.of[s.ID] = ending{s.Begun, s.Expires}
	}
	last := session(2 * loggedOutMax)
	if err := l.end(last, now); err != nil {
		t.Fatal(err)
	}
	for _, when := range []string{"at once", "started again"} {
		if len(l.of) > loggedOutMax/2+1 {
			t.Errorf("%s: %d are remembered", when, len(l.of))
		}
		for i := range loggedOutMax {
			if !l.over(session(2 * i)) {
				t.Fatalf("%s: session %d is good again", when, i)
			}
		}
		if !l.over(session(1)) || l.over(session(2*loggedOutMax-1)) || !l.over(last) {
			t.Errorf("%s: what nobody ended: an early one is good, or a late one is not", when)
		}
		l = reopened(t, dir, now)
	}
}
