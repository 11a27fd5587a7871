package manager

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"

	"clew/query/alert"
	"clew/query/alert/notify/journal"
)

var quiet = slog.New(slog.DiscardHandler)

// notice is what a receiver gets.
type notice struct {
	Status      string            `json:"status"`
	GroupLabels map[string]string `json:"groupLabels"`
	ExternalURL string            `json:"externalURL"`
	Alerts      []struct {
		Status       string            `json:"status"`
		Labels       map[string]string `json:"labels"`
		GeneratorURL string            `json:"generatorURL"`
	} `json:"alerts"`
}

func (n notice) String() string {
	var b strings.Builder
	b.WriteString(n.Status)
	for _, a := range n.Alerts {
		fmt.Fprintf(&b, " %s:%s", a.Labels["x"], a.Status)
	}
	return b.String()
}

// hook is a webhook that remembers.
type hook struct {
	*httptest.Server
	mu      sync.Mutex
	notices []notice
	held    chan struct{} // if not nil, answers wait for it
	arrived chan struct{}
}

func newHook(t *testing.T) *hook {
	h := &hook{arrived: make(chan struct{}, 100)}
	h.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var n notice
		if err := json.NewDecoder(r.Body).Decode(&n); err != nil {
			t.Error(err)
		}
		h.mu.Lock()
		h.notices = append(h.notices, n)
		held := h.held
		h.mu.Unlock()
		h.arrived <- struct{}{}
		if held != nil {
			<-held
		}
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) got() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var out []string
	for _, n := range h.notices {
		out = append(out, n.String())
	}
	return out
}

func (h *hook) config(more string) string {
	return fmt.Sprintf("route: {receiver: hook, group_by: [alertname], group_wait: 200ms, group_interval: 100ms, repeat_interval: 1h}\nreceivers: [{name: hook, webhook_configs: [{url: '%s'}]}]\n%s", h.URL, more)
}

// start runs a manager; what it gives ends it.
func start(t *testing.T, file, dir string) (*Manager, func()) {
	t.Helper()
	external, _ := url.Parse("https://clew.example.com")
	m, err := New(Options{File: file, Dir: dir, ExternalURL: external, Logger: quiet, Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- m.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	<-m.running
	return m, stop
}

// killed is a copy of a directory as a kill at this moment leaves it.
func killed(t *testing.T, dir string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(filepath.Join(to, "copy"), os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(to, "copy")
}

func told(x string, ends time.Time) *alert.Notification {
	starts := time.Now()
	if ends.Before(starts) {
		starts = ends
	}
	return &alert.Notification{
		Tenant: "default", Labels: labels.FromStrings("alertname", "A", "x", x), StartsAt: starts, EndsAt: ends, GeneratorURL: "https://clew.example.com/metrics?expr=up",
	}
}

func send(t *testing.T, m *Manager, n ...*alert.Notification) {
	t.Helper()
	if err := m.Send(context.Background(), n...); err != nil {
		t.Fatal(err)
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
	}
}

// An end that is said again, as rules do for a while, is told once, though the group has told of others since.
func TestEndIsToldOnce(t *testing.T) {
	h := newHook(t)
	m, _ := start(t, writeConfig(t, h.config("")), t.TempDir())
	alerts := []*alert.Notification{told("1", later()), told("2", later()), told("3", later()), told("4", later())}
	send(t, m, alerts...)
	eventually(t, "all are told", func() bool { return len(h.got()) > 0 })
	for i := range 3 {
		alerts[i].EndsAt = time.Now()
		send(t, m, alerts[:i+1]...) // with the ends before
		eventually(t, "the end is told", func() bool { return strings.Contains(strings.Join(h.got(), "\n"), fmt.Sprintf(" %d:resolved", i+1)) })
	}
	all := strings.Join(h.got(), "\n")
	for i := range 3 {
		if x := fmt.Sprintf(" %d:resolved", i+1); strings.Count(all, x) != 1 {
			t.Errorf("%q is told %d times in\n%s", x, strings.Count(all, x), all)
		}
	}
}

// Ends that were told are not told again after a kill, though the group's last message had other ends in it; one that nobody has told is.
func TestEndsAreToldOnceThroughKills(t *testing.T) {
	h := newHook(t)
	file, dir := writeConfig(t, h.config("")), t.TempDir()
	m, _ := start(t, file, dir)
	alerts := []*alert.Notification{told("1", later()), told("2", later()), told("3", later()), told("4", later())}
	send(t, m, alerts...)
	eventually(t, "all are told", func() bool { return len(h.got()) > 0 })
	for i := range 2 {
		alerts[i].EndsAt = time.Now()
		send(t, m, alerts[i])
		eventually(t, "the end is told", func() bool { return strings.Contains(strings.Join(h.got(), "\n"), fmt.Sprintf(" %d:resolved", i+1)) })
	}
	eventually(t, "that is durable", func() bool {
		entries, err := os.ReadFile(filepath.Join(dir, "alerts.journal"))
		return err == nil && strings.Count(string(entries), `"told":[`) == 2
	})
	dir = killed(t, dir)
	h.mu.Lock()
	h.notices = nil
	h.mu.Unlock()

	again, stop := start(t, file, dir)
	send(t, again, alerts[0], alerts[1]) // rules say ends again for a while
	time.Sleep(500 * time.Millisecond)   // five intervals of the group
	if got := h.got(); len(got) != 0 {
		t.Errorf("told again: %q", got)
	}
	alerts[2].EndsAt = time.Now()
	send(t, again, alerts[2])
	eventually(t, "a new end is told", func() bool { return len(h.got()) > 0 })
	stop()
	if got := h.got(); len(got) != 1 || strings.Count(got[0], "resolved") != 1 || !strings.Contains(got[0], "3:resolved") {
		t.Errorf("told: %q", got)
	}
}

func later() time.Time { return time.Now().Add(4 * time.Minute) }

// Killed after it has paged it does not page again, and an end that came just before it was killed is told.
func TestKilled(t *testing.T) {
	h := newHook(t)
	file, dir := writeConfig(t, h.config("")), t.TempDir()
	m, _ := start(t, file, dir)
	send(t, m, told("1", later()), told("2", later()))
	eventually(t, "both are told in one message", func() bool { return len(h.got()) > 0 })
	eventually(t, "that is durable", func() bool {
		entries, err := os.ReadFile(filepath.Join(dir, "notifications.journal"))
		return err == nil && strings.Contains(string(entries), "hook")
	})
	first := killed(t, dir)

	// Whoever is told of the end does not answer before the second copy has been made.
	answer := make(chan struct{})
	h.mu.Lock()
	h.held = answer
	h.mu.Unlock()
	send(t, m, told("1", time.Now()))
	second := killed(t, dir) // at once: nobody has been told
	h.mu.Lock()
	h.held = nil
	h.mu.Unlock()
	close(answer)

	again, stop := start(t, file, first)
	send(t, again, told("2", later())) // rules tell again, at different times
	time.Sleep(500 * time.Millisecond) // five intervals of the group
	stop()
	eventually(t, "the end is told by the one that goes on", func() bool { return len(h.got()) >= 2 })
	if got := h.got(); len(got) != 2 || got[0] != "firing 1:firing 2:firing" || got[1] != "firing 1:resolved 2:firing" {
		t.Errorf("told: %q", got)
	}

	h.mu.Lock()
	h.notices = nil
	h.mu.Unlock()
	_, stop = start(t, file, second)
	eventually(t, "the end is told by the successor", func() bool { return len(h.got()) > 0 })
	time.Sleep(500 * time.Millisecond)
	stop()
	if got := h.got(); len(got) != 1 || got[0] != "firing 1:resolved 2:firing" {
		t.Errorf("told by the successor: %q", got)
	}
	n := h.notices[0]
	if n.ExternalURL != "https://clew.example.com/alertmanager" || n.Alerts[0].GeneratorURL != "https://clew.example.com/metrics?expr=up" || n.GroupLabels["alertname"] != "A" {
		t.Errorf("%+v", n)
	}
}

// While clew is down nobody can say that an alert goes on: it is not taken for over. One that had ended by timeout before is not revived.
func TestDownForLong(t *testing.T) {
	dir := t.TempDir()
	long := time.Now().Add(-time.Hour)
	a, _, err := openAlerts(filepath.Join(dir, "alerts.journal"), newCounters(prometheus.NewRegistry()))
	if err != nil {
		t.Fatal(err)
	}
	write := func(x string, active bool) {
		k := kept{Labels: toLabels("x", x), StartsAt: long.Add(-time.Hour), EndsAt: long.Add(4 * time.Minute), UpdatedAt: long, Active: active}
		data, err := json.Marshal(k)
		if err := errors.Join(err, a.journal.Append(data)); err != nil {
			t.Fatal(err)
		}
	}
	write("active", true)
	write("ended", false)
	a.journal.Close()
	m, _ := start(t, "", dir)
	body := get(t, m, "/alertmanager/api/v2/alerts")
	if !strings.Contains(body, `"active"`) || strings.Contains(body, `"ended"`) {
		t.Errorf("active are: %s", body)
	}
	m.alerts.mu.Lock()
	defer m.alerts.mu.Unlock()
	if left := time.Until(m.alerts.known[toLabels("x", "active").Fingerprint()].EndsAt); left < 3*time.Minute || left > 4*time.Minute {
		t.Errorf("it is active for %v more, want as long as was said when it was last heard of: 4m", left)
	}
}

// What ends by timeout is remembered as ended.
func TestTimeoutIsRemembered(t *testing.T) {
	path := filepath.Join(t.TempDir(), "alerts.journal")
	counters := newCounters(prometheus.NewRegistry())
	a, _, err := openAlerts(path, counters)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	k := &kept{Labels: toLabels("x", "1"), StartsAt: now, UpdatedAt: now, EndsAt: now.Add(time.Minute)}
	a.note(k.alert(), now)
	if err := errors.Join(a.tick(now, true), a.tick(now.Add(time.Hour), true)); err != nil {
		t.Fatal(err)
	}
	size := a.journal.(*journal.Journal).Size()
	a.note(k.alert(), now.Add(time.Hour))
	if err := a.write(); err != nil || a.journal.(*journal.Journal).Size() != size {
		t.Errorf("what is known is written again: %d bytes, %v", a.journal.(*journal.Journal).Size()-size, err)
	}
	a.journal.Close()
	if a, _, err = openAlerts(path, counters); err != nil {
		t.Fatal(err)
	}
	defer a.journal.Close()
	if k := a.known[toLabels("x", "1").Fingerprint()]; k == nil || k.Active {
		t.Errorf("%+v", k)
	}
	if err := a.tick(now.Add(2*endedKeep), true); err != nil || len(a.known) != 0 {
		t.Errorf("%d are never forgotten, %v", len(a.known), err)
	}
}

// A silence is durable when whoever set it is answered, and keeps quiet after a kill; so is its end.
func TestSilenceSurvives(t *testing.T) {
	h := newHook(t)
	file, dir := writeConfig(t, h.config("")), t.TempDir()
	m, _ := start(t, file, dir)
	now := time.Now().UTC()
	body := fmt.Sprintf(`{"matchers":[{"name":"alertname","value":"A","isRegex":false}],"startsAt":%q,"endsAt":%q,"createdBy":"me","comment":"known"}`,
		now.Format(time.RFC3339Nano), now.Add(time.Hour).Format(time.RFC3339Nano))
	w := do(m, http.MethodPost, "/alertmanager/api/v2/silences", body, nil)
	var made struct{ SilenceID string }
	if err := json.Unmarshal(w.Body.Bytes(), &made); err != nil || made.SilenceID == "" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	successor, stop := start(t, file, killed(t, dir))
	send(t, successor, told("1", later()))
	time.Sleep(600 * time.Millisecond)
	if got := h.got(); len(got) != 0 {
		t.Fatalf("told though silenced: %q", got)
	}
	if body := get(t, successor, "/alertmanager/api/v2/alerts"); !strings.Contains(body, `"suppressed"`) {
		t.Errorf("%s", body)
	}
	if w := do(successor, http.MethodDelete, "/alertmanager/api/v2/silence/"+made.SilenceID, "", nil); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	last := killed(t, successor.opts.Dir)
	stop()
	afterwards, _ := start(t, file, last)
	if body := get(t, afterwards, "/alertmanager/api/v2/silence/"+made.SilenceID); !strings.Contains(body, `"expired"`) {
		t.Errorf("the silence is %s", body)
	}
	eventually(t, "the alert is told now that the silence is over", func() bool { return len(h.got()) > 0 })
}

// A new configuration takes over once what is under way is done: its receiver does not get it twice. A broken one changes nothing.
func TestReload(t *testing.T) {
	h := newHook(t)
	h.held = make(chan struct{})
	file := writeConfig(t, h.config(""))
	m, _ := start(t, file, t.TempDir())
	send(t, m, told("1", later()))
	<-h.arrived
	if err := os.WriteFile(file, []byte(h.config("# changed\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { close(h.held) })
	if w := do(m, http.MethodPost, "/alertmanager/-/reload", "", nil); w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if err := os.WriteFile(file, []byte("route: {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if w := do(m, http.MethodPost, "/alertmanager/-/reload", "", nil); w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "alertmanager.yml") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	send(t, m, told("2", later()))
	eventually(t, "the second is told by the configuration from before", func() bool { return len(h.got()) >= 2 })
	time.Sleep(300 * time.Millisecond)
	if got := h.got(); len(got) != 2 || got[1] != "firing 1:firing 2:firing" {
		t.Errorf("told: %q", got)
	}
}

// A broken configuration at the start is an error; damage is not.
func TestStart(t *testing.T) {
	if _, err := New(Options{File: writeConfig(t, "route: {}"), Dir: t.TempDir(), Logger: quiet, Registerer: prometheus.NewRegistry(), ExternalURL: &url.URL{}}); err == nil {
		t.Error("started with a broken configuration")
	}
	dir := t.TempDir()
	for _, name := range []string{"alerts", "silences", "notifications"} {
		if err := os.WriteFile(filepath.Join(dir, name+".journal"), []byte("rubbish that nobody can read"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m, _ := start(t, "", dir)
	send(t, m, told("1", later()))
	for _, name := range []string{"alerts", "silences", "notifications"} {
		if kept, err := os.ReadFile(filepath.Join(dir, name+".journal.damaged")); err != nil || !strings.HasPrefix(string(kept), "rubbish") {
			t.Errorf("%s: %q, %v", name, kept, err)
		}
	}
}

func TestHTTP(t *testing.T) {
	m, _ := start(t, "testdata/all.yml", t.TempDir())
	status := get(t, m, "/alertmanager/api/v2/status")
	if !strings.Contains(status, "<secret>") || strings.Contains(status, "secret-") {
		t.Errorf("the configuration as it is shown: %s", status)
	}
	for _, path := range []string{"/alertmanager/-/healthy", "/alertmanager/-/ready"} {
		if body := get(t, m, path); body != "OK" {
			t.Errorf("%s: %s", path, body)
		}
	}
	if w := do(m, http.MethodGet, "/alertmanager/", "", nil); w.Code != http.StatusFound || w.Header().Get("Location") != "/alerts" {
		t.Errorf("links of notifications lead to %d %v", w.Code, w.Header())
	}
	evil := map[string]string{"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
	if w := do(m, http.MethodPost, "/alertmanager/api/v2/alerts", `[{"labels":{"a":"b"}}]`, evil); w.Code != http.StatusForbidden {
		t.Errorf("a page of another site may send alerts: %d", w.Code)
	}
	if w := do(m, http.MethodGet, "/alertmanager/api/v2/alerts", "", evil); w.Header().Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a page of another site may read: %v", w.Header())
	}
	for _, body := range []string{"", "{", "[{}]", `[{"labels":{}}]`, `[{"labels":{"":"x"}}]`, "[" + strings.Repeat(" ", bodyBytesMax) + "]"} {
		if w := do(m, http.MethodPost, "/alertmanager/api/v2/alerts", body, nil); w.Code/100 != 4 {
			t.Errorf("%.20q is answered %d %.200s", body, w.Code, w.Body)
		}
	}
}

// Alerts of two tenants with the same labels are two.
func TestTenants(t *testing.T) {
	m, _ := start(t, "", t.TempDir())
	other := told("1", later())
	other.Tenant = "acme"
	send(t, m, told("1", later()), other)
	var alerts []struct{ Labels map[string]string }
	if err := json.Unmarshal([]byte(get(t, m, "/alertmanager/api/v2/alerts")), &alerts); err != nil || len(alerts) != 2 {
		t.Fatalf("%d alerts, %v", len(alerts), err)
	}
	if alerts[0].Labels["tenant"]+alerts[1].Labels["tenant"] != "acme" {
		t.Errorf("%v", alerts)
	}
}

func do(h http.Handler, method, path, body string, headers map[string]string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for k, v := range headers {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func get(t *testing.T, h http.Handler, path string) string {
	t.Helper()
	w := do(h, http.MethodGet, path, "", nil)
	body, err := io.ReadAll(w.Body)
	if err != nil || w.Code != http.StatusOK {
		t.Fatalf("%s: %d %s, %v", path, w.Code, body, err)
	}
	return string(body)
}

func toLabels(name, value string) model.LabelSet {
	return model.LabelSet{model.LabelName(name): model.LabelValue(value)}
}
