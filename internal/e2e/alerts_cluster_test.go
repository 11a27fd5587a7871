package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/internal/natstest"
	"clew/internal/s3test"
)

// clusterRules fire and end by their file alone: what this is about is who evaluates, and who pages.
const clusterRules = `groups:
  - {name: one, interval: 1s, rules: [{alert: First, expr: 'vector(1) > %[1]d', labels: {service: a}}]}
  - {name: two, interval: 1s, rules: [{alert: Second, expr: 'vector(1) > %[1]d', labels: {service: a}}]}
  - {name: three, interval: 1s, rules: [{alert: Third, expr: 'vector(1) > %[1]d', labels: {service: b}}]}
`

// Of two processes that share NATS one evaluates each group and one pages. Killed, or stopped while it does not know, the other goes on: nobody is paged twice, nothing is
// taken back, and ends are told.
func TestAlertsOfCluster(t *testing.T) {
	if testing.Short() {
		t.Skip("a cluster of processes")
	}
	s3 := s3test.Start(t)
	s3test.SetEnvironment(t)
	nats, err := natstest.Start(natstest.Options{Dir: t.TempDir(), Servers: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nats.Kill)
	receiver := newPages(t)
	rules := write(t, "rules.yml", fmt.Sprintf(clusterRules, 0))
	alertmanager := write(t, "alertmanager.yml", fmt.Sprintf(pagesConfig, receiver.URL))
	data := map[string]string{"a": t.TempDir(), "b": t.TempDir()}
	run := func(name string) *harness.Process {
		p, err := harness.Start(harness.Options{
			Binary: clewBinary, Data: data[name], Config: "nats: {replicas: 1}\nlog: {bytes_max: 268435456}\n",
			Args: []string{
				"--role", "query", "--nats", strings.Join(nats.URLs(), ","), "--store", s3test.URL(s3.Address, "clew"), "--rules", rules, "--alertmanager-config", alertmanager, "--name", name,
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.Kill)
		if err := p.WaitReady(60 * time.Second); err != nil {
			t.Fatalf("%v\n%s", err, p.Output())
		}
		return p
	}
	a := run("a")
	eventually(t, 60*time.Second, "two groups are paged", func() bool { return len(receiver.got()) >= 2 })
	b := run("b")
	eventually(t, 30*time.Second, "the one that waits shows what fires", func() bool { return firingAt(t, b) == 3 })
	paged := func(when string, want ...string) {
		t.Helper()
		time.Sleep(8 * time.Second) // groups are looked at twice, rules evaluated eight times
		got := receiver.got()
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Fatalf("%s: paged %q, want %q", when, got, want)
		}
	}
	began := []string{"firing First:firing Second:firing", "firing Third:firing"}
	paged("both run", began...)
	a.Kill()
	eventually(t, 30*time.Second, "the other one notifies", func() bool { return strings.Contains(b.Output(), "this process's Alertmanager notifies") })
	paged("the first was killed", began...)
	if n := firingAt(t, b); n != 3 {
		t.Errorf("%d alerts fire", n)
	}
	a = run("a")
	if err := b.Pause(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 40*time.Second, "the first one notifies again", func() bool { return strings.Contains(a.Output(), "this process's Alertmanager notifies") })
	if err := b.Resume(); err != nil {
		t.Fatal(err)
	}
	paged("the other was paused, and woke up", began...)

	if err := os.WriteFile(rules, []byte(fmt.Sprintf(clusterRules, 5)), 0o600); err != nil {
		t.Fatal(err)
	}
	eventually(t, 90*time.Second, "the ends are told", func() bool {
		return receiver.count("First:resolved", "Second:resolved") > 0 && receiver.count("Third:resolved") > 0
	})
	time.Sleep(8 * time.Second)
	for _, name := range []string{"First", "Second", "Third"} {
		if n := receiver.count(name + ":resolved"); n != 1 {
			t.Errorf("the end of %s is told %d times: %q", name, n, receiver.got())
		}
	}
}

func firingAt(t *testing.T, p *harness.Process) int {
	t.Helper()
	var list alertList
	get(t, p, "/prometheus/api/v1/alerts", nil, &list)
	n := 0
	for _, a := range list.Data.Alerts {
		if a.State == "firing" {
			n++
		}
	}
	return n
}
