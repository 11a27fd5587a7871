package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"clew/internal/harness"
)

// pages is a webhook that people's pagers stand behind. It outlives the processes that call it.
type pages struct {
	*httptest.Server
	mu   sync.Mutex
	sent []string // a line a message: its status, and its alerts' names and states, sorted
}

func newPages(t *testing.T) *pages {
	p := &pages{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var message struct {
			Status string
			Alerts []struct {
				Status       string
				GeneratorURL string
				Labels       map[string]string
				Annotations  map[string]string
			}
		}
		if err := json.NewDecoder(r.Body).Decode(&message); err != nil {
			t.Error(err)
		}
		var alerts []string
		for _, a := range message.Alerts {
			alerts = append(alerts, a.Labels["alertname"]+":"+a.Status)
			if a.Labels["alertname"] == "Declined" && (!strings.Contains(a.Annotations["examples"], "card declined") || !strings.Contains(a.GeneratorURL, "/search?signal=logs")) {
				t.Errorf("a page without evidence: %+v", a)
			}
		}
		slices.Sort(alerts)
		p.mu.Lock()
		defer p.mu.Unlock()
		p.sent = append(p.sent, message.Status+" "+strings.Join(alerts, " "))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *pages) got() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.sent)
}

// count is how many messages say all words.
func (p *pages) count(words ...string) int {
	n := 0
	for _, m := range p.got() {
		if !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(m, w) }) {
			n++
		}
	}
	return n
}

const pagesConfig = `route:
  receiver: pager
  group_by: [service]
  group_wait: 6s
  group_interval: 3s
  repeat_interval: 1h
receivers:
  - name: pager
    webhook_configs: [{url: '%s'}]
`

// startWith runs a clew with flags until the test ends.
func startWith(t *testing.T, data string, args ...string) *harness.Process {
	t.Helper()
	p, err := harness.Start(harness.Options{Binary: clewBinary, Data: data, Args: args})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	for i := 0; i+1 < len(args); i++ {
		if args[i] == "--http" {
			p.HTTP = args[i+1]
		}
	}
	if err := p.WaitReady(30 * time.Second); err != nil {
		t.Fatal(err)
	}
	return p
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Alerts on a metric, a log pattern and a trace condition are grouped and reach a real receiver: once each, and so do their ends, though the process is killed
// after it has paged, and again between an alert's end and its telling.
func TestPagesSurviveKill(t *testing.T) {
	receiver := newPages(t)
	data := tempData(t)
	args := []string{"--rules", write(t, "rules.yml", e2eRules), "--alertmanager-config", write(t, "alertmanager.yml", fmt.Sprintf(pagesConfig, receiver.URL))}
	p := startWith(t, data, args...)
	temperature(t, p, 40)
	badRecords(t, p)
	eventually(t, 30*time.Second, "two groups are paged", func() bool { return len(receiver.got()) >= 2 })
	if receiver.count("firing Hot:firing") != 1 || receiver.count("firing Declined:firing SlowCheckout:firing") != 1 {
		t.Fatalf("paged: %q", receiver.got())
	}
	badRecords(t, p) // the window is 20 seconds: a start on a busy machine has all of them
	p.Kill()

	p = startWith(t, data, args...)
	badRecords(t, p)
	time.Sleep(8 * time.Second) // rules are evaluated eight times, groups looked at three times
	if got := receiver.got(); len(got) != 2 {
		t.Fatalf("after kill -9: %q", got)
	}

	temperature(t, p, 10)
	var list alertList
	eventually(t, 20*time.Second, "the metric's alert is over", func() bool {
		get(t, p, "/prometheus/api/v1/alerts", url.Values{}, &list)
		for _, a := range list.Data.Alerts {
			if a.Labels["alertname"] == "Hot" {
				return false
			}
		}
		return true
	})
	p.Kill()

	startWith(t, data, args...)
	ended := func(name string) bool { return receiver.count(name+":resolved") > 0 }
	for deadline := time.Now().Add(time.Minute); !ended("Hot") || !ended("Declined") || !ended("SlowCheckout"); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("ends are not told: %q", receiver.got())
		}
	}
	time.Sleep(5 * time.Second)
	got := receiver.got()
	if receiver.count("Hot:firing") != 1 || receiver.count("Hot:resolved") != 1 {
		t.Errorf("the metric's alert: %q", got)
	}
	// One of the others may end a little before the other, which is told beside what still fires.
	if receiver.count("Declined:resolved") > 1 || receiver.count("SlowCheckout:resolved") > 1 || receiver.count("Declined:firing", "SlowCheckout:firing") != 1 || len(got) > 5 {
		t.Errorf("the others: %q", got)
	}
	if last := got[len(got)-1]; strings.Contains(last, "firing") {
		t.Errorf("the last word: %q", last)
	}
}

// amtool builds the real amtool, or finds it built, in Go's cache.
var amtool = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "tool", "-n", "amtool")
	cmd.Dir = filepath.Join("..", "..", "tools", "amtool")
	cmd.Env = append(os.Environ(), "GOFLAGS=")
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
})

func TestAmtool(t *testing.T) {
	binary, err := amtool()
	if err != nil {
		t.Skipf("no amtool to test with: %v %s", err, binary)
	}
	receiver := newPages(t)
	file := write(t, "alertmanager.yml", fmt.Sprintf(pagesConfig, receiver.URL+"/hunter2"))
	data := tempData(t)
	p := startWith(t, data, "--alertmanager-config", file)
	run := func(args ...string) string {
		t.Helper()
		out, err := exec.Command(binary, append([]string{"--alertmanager.url=http://" + p.HTTP + "/alertmanager"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("amtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
		return string(out)
	}
	run("alert", "add", "alertname=Disk", "node=a", "--annotation=summary=full")
	run("alert", "add", "alertname=Disk", "node=b")
	if out := run("alert", "query"); !strings.Contains(out, "Disk") || !strings.Contains(out, "full") || strings.Count(out, "active") != 2 {
		t.Errorf("alerts:\n%s", out)
	}
	id := strings.TrimSpace(run("silence", "add", "node=a", "--duration=1h", "--comment=known", "--author=me"))
	p.Kill()
	p = startWith(t, data, "--alertmanager-config", file)
	if out := run("silence", "query", "-q"); strings.TrimSpace(out) != id {
		t.Errorf("silences after kill -9: %q, want %q", out, id)
	}
	if out := run("alert", "query", "--silenced"); !strings.Contains(out, "Disk") || strings.Count(out, "suppressed") != 1 {
		t.Errorf("silenced:\n%s", out)
	}
	run("silence", "expire", id)
	if out := run("silence", "query", "-q"); strings.TrimSpace(out) != "" {
		t.Errorf("silences: %q", out)
	}
	if out := run("config", "show"); !strings.Contains(out, "receiver: pager") || strings.Contains(out, "hunter2") {
		t.Errorf("configuration:\n%s", out)
	}
	if out := run("config", "routes", "test", "service=payment"); strings.TrimSpace(out) != "pager" {
		t.Errorf("route: %q", out)
	}
	if out := run("cluster", "show"); !strings.Contains(out, "disabled") {
		t.Errorf("cluster:\n%s", out)
	}
	run("check-config", file)
	if out, code := clew(t, p, "alertmanager", "check", file); code != 0 || !strings.Contains(out, "1 receivers with 1 integrations") {
		t.Errorf("check: %d %s", code, out)
	}
	// A broken file changes nothing.
	if err := os.WriteFile(file, []byte("route: {receiver: nobody}\nreceivers: [{name: pager}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := p.Hangup(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 10*time.Second, "the log says what is wrong", func() bool { return strings.Contains(p.Output(), `alertmanager.yml:1:9: undefined receiver`) })
	if out := run("config", "show"); !strings.Contains(out, "webhook_configs") {
		t.Errorf("configuration after a broken reload:\n%s", out)
	}
	if out, code := clew(t, p, "alertmanager", "check", file); code != 1 || !strings.Contains(out, ":1:9: undefined receiver") {
		t.Errorf("check: %d %s", code, out)
	}
}

// Alertmanagers that run elsewhere are all told; the end of an alert reaches one that was away, though the sender was killed meanwhile.
func TestOtherAlertmanagers(t *testing.T) {
	ports, err := harness.FreePorts(2)
	if err != nil {
		t.Fatal(err)
	}
	receiver := newPages(t)
	config := write(t, "alertmanager.yml", fmt.Sprintf(pagesConfig, receiver.URL))
	oneData, data := tempData(t), filepath.Join(t.TempDir(), "sender")
	one := startWith(t, oneData, "--http", ports[0], "--alertmanager-config", config)
	two := startWith(t, filepath.Join(t.TempDir(), "two"), "--http", ports[1])
	args := []string{"--rules", write(t, "rules.yml", e2eRules), "--alertmanager-url", "http://" + ports[0] + "/alertmanager", "--alertmanager-url", "http://" + ports[1] + "/alertmanager"}
	sender := startWith(t, data, args...)
	temperature(t, sender, 40)
	knows := func(p *harness.Process, name string) bool {
		var alerts []struct{ Labels map[string]string }
		get(t, p, "/alertmanager/api/v2/alerts", url.Values{}, &alerts)
		return slices.ContainsFunc(alerts, func(a struct{ Labels map[string]string }) bool { return a.Labels["alertname"] == name })
	}
	eventually(t, 30*time.Second, "both know", func() bool { return knows(one, "Hot") && knows(two, "Hot") })
	eventually(t, 30*time.Second, "it is paged", func() bool { return receiver.count("firing Hot:firing") == 1 })
	time.Sleep(3 * time.Second) // killed between the receiver's answer and its fsync, one pages again
	one.Kill()
	temperature(t, sender, 10)
	eventually(t, 30*time.Second, "the one that is there knows of the end", func() bool { return !knows(two, "Hot") })
	sender.Kill()

	startWith(t, oneData, "--http", ports[0], "--alertmanager-config", config)
	sender = startWith(t, data, args...)
	eventually(t, 60*time.Second, "the end is told", func() bool { return receiver.count("resolved Hot:resolved") == 1 })
	if got := receiver.got(); len(got) != 2 {
		t.Errorf("paged: %q", got)
	}
	res, err := http.Get("http://" + sender.HTTP + "/alertmanager/api/v2/alerts")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusNotFound {
		t.Errorf("a clew without an Alertmanager answers for one: %s", res.Status)
	}
}
