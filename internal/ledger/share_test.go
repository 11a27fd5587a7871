package ledger

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/internal/telemetry"
)

// cluster is books that tell each other, on a wire that can be cut.
type cluster struct {
	t      *testing.T
	now    time.Time
	books  map[string]*Book
	cut    map[string]bool
	clocks map[string]time.Duration // how wrong they are
	stored map[string]Stored
}

func newCluster(t *testing.T, names ...string) *cluster {
	c := &cluster{t: t, now: testNow, books: map[string]*Book{}, cut: map[string]bool{}, clocks: map[string]time.Duration{}, stored: map[string]Stored{}}
	for _, name := range names {
		c.join(name)
	}
	c.pass(10 * time.Second)
	return c
}

// join starts a process; one whose name begins with "c" collects.
func (c *cluster) join(name string) {
	b := NewBook(c.at(name))
	b.Share(Sharing{Life: name, Started: c.at(name), Collects: name[0] == 'c', Collectors: func() []string {
		var lives []string
		for other := range c.books {
			if other != name && other[0] == 'c' {
				lives = append(lives, other)
			}
		}
		return lives
	}})
	if name[0] == 'q' {
		b.UseStored(func() (map[string]Stored, bool) { return c.stored, true })
	}
	c.books[name] = b
}

func (c *cluster) at(name string) time.Time { return c.now.Add(c.clocks[name]) }

// pass lets time pass, in which all say what they have to.
func (c *cluster) pass(d time.Duration) {
	for end := c.now.Add(d); c.now.Before(end); {
		c.now = c.now.Add(tellEvery)
		for name := range c.books {
			c.speak(name, false)
		}
	}
}

func (c *cluster) speak(name string, leaving bool) {
	for _, data := range c.books[name].say(c.at(name), leaving) {
		for other, b := range c.books {
			if !c.cut[name] && !c.cut[other] {
				b.hear(data, c.at(other))
			}
		}
	}
}

func (c *cluster) leave(name string) {
	c.speak(name, true)
	delete(c.books, name)
}

func (c *cluster) batch(to string, seq uint64) {
	n := Number{"a/logs", seq}
	c.books[to].Begin("default", n, c.at(to))
	c.books[to].Batch("default", n, Outcome{Stored: 1}, c.at(to))
}

func (c *cluster) beat(to string, counts HeartbeatCounts) {
	h := beat("a", counts)
	h.Time = c.now
	if _, err := c.books[to].Heartbeat("default", h, c.at(to)); err != nil {
		c.t.Fatal(err)
	}
}

// all asks each process.
func (c *cluster) all(check func(name string, h HostAccount)) {
	c.t.Helper()
	for name, b := range c.books {
		hosts := b.Hosts("default", "", c.at(name))
		if len(hosts) != 1 {
			c.t.Fatalf("%s knows %d hosts, want 1", name, len(hosts))
		}
		check(name, hosts[0])
	}
}

// TestShare: an agent whose batches and heartbeats go to two collectors in turn is one agent to everybody, nothing of it is missing, and nothing is counted twice.
func TestShare(t *testing.T) {
	c := newCluster(t, "c1", "c2", "q1")
	for seq := uint64(1); seq <= 200; seq++ {
		to := []string{"c1", "c2"}[seq%2]
		if seq == 100 || seq == 150 {
			continue // lost
		}
		c.batch(to, seq)
		if seq%10 == 0 {
			c.beat(to, HeartbeatCounts{Read: seq, Acked: seq - 1, Dropped: map[string]uint64{"queue_full": seq / 10}})
		}
		c.pass(time.Second)
	}
	c.stored[SourceID("default", "a/logs", 2)] = Stored{First: 1, Last: 200, Records: 199}
	c.join("q2") // it has heard nothing of this
	c.pass(holeAge + tellEvery)
	c.all(func(name string, h HostAccount) {
		f := h.Flows[0]
		if h.Silent || len(h.Agents) != 1 || f.MissingNumbers != 2 || f.Dropped["queue_full"] != 20 || f.LastNumber != 200 {
			t.Errorf("%s: silent %t, %d agents, %+v", name, h.Silent, len(h.Agents), f)
		}
		if name[0] == 'q' && (f.Stored != 199 || f.Missing != 0) {
			t.Errorf("%s: %+v", name, f)
		}
		var lost uint64
		for _, l := range h.Agents[0].Losses {
			lost += l.Records
		}
		if lost != 20 {
			t.Errorf("%s: %d records are in losses, want 20: %+v", name, lost, h.Agents[0].Losses)
		}
	})
	if d := cmp.Diff(c.books["q1"].Notes(Question{Tenant: "default", Signal: "logs"}, c.now), c.books["q2"].Notes(Question{Tenant: "default", Signal: "logs"}, c.now)); d != "" {
		t.Errorf("one that was there and one that came later differ (-there +later):\n%s", d)
	}
	c.pass(2 * time.Minute)
	c.all(func(name string, h HostAccount) {
		if !h.Silent {
			t.Errorf("%s: an agent that is gone is not silent", name)
		}
	})
}

// TestShareSilence: an agent is silent when nobody hears it, and only then.
func TestShareSilence(t *testing.T) {
	c := newCluster(t, "c1", "c2", "q1")
	c.clocks["c2"] = -5 * time.Minute // wrong, which nobody has to mind
	ship := func(to string, d time.Duration) {
		for end := c.now.Add(d); c.now.Before(end); c.pass(10 * time.Second) {
			c.beat(to, HeartbeatCounts{Read: 1, Acked: 1})
		}
	}
	silent := func(when string, want map[string]bool) {
		t.Helper()
		c.all(func(name string, h HostAccount) {
			if s, asked := want[name]; asked && h.Silent != s {
				t.Errorf("%s: %s says silent %t (heard at %s, now %s)", when, name, h.Silent, h.LastHeard, c.at(name))
			}
		})
	}
	ship("c1", 3*time.Minute)
	ship("c2", 3*time.Minute)
	silent("it has moved", map[string]bool{"c1": false, "c2": false, "q1": false})
	c.cut["c1"] = true
	ship("c2", 3*time.Minute)
	silent("a collector is cut off that it does not send to", map[string]bool{"c1": false, "c2": false, "q1": false})
	c.cut["c2"] = true
	ship("c2", 3*time.Minute)
	c.cut["c1"] = false
	ship("c2", 3*time.Minute)
	silent("the collector is cut off that it sends to", map[string]bool{"c2": false, "q1": true})
	c.cut["c2"] = false
	ship("c2", 20*time.Second)
	silent("it is back", map[string]bool{"c1": false, "c2": false, "q1": false})
	c.cut["q1"] = true
	ship("c2", 3*time.Minute)
	silent("who asks is cut off", map[string]bool{"q1": false})
	if notes := c.books["q1"].Notes(Question{Tenant: "default", Signal: "logs"}, c.now); len(notes) != 1 {
		t.Errorf("a process that hears nobody says %q", notes)
	}
}

// TestShareVanished: what a collector took in before it was killed, and told nobody of, is not called missing; what is missing after one that has ended is.
func TestShareVanished(t *testing.T) {
	for _, killed := range []bool{true, false} {
		t.Run(fmt.Sprintf("killed %t", killed), func(t *testing.T) {
			c := newCluster(t, "c1", "c2", "q1")
			c.batch("c1", 1)
			c.beat("c1", HeartbeatCounts{Read: 1, Acked: 1})
			c.pass(10 * time.Second)
			if killed {
				c.batch("c1", 2)
				delete(c.books, "c1")
			} else {
				c.leave("c1")
			}
			c.batch("c2", 3)
			c.pass(2 * holeAge)
			c.batch("c2", 4)
			c.pass(2 * holeAge)
			want := uint64(1)
			if killed {
				want = 0
			}
			c.all(func(name string, h HostAccount) {
				if n := h.Flows[0].MissingNumbers; n != want {
					t.Errorf("%s: %d numbers are missing, want %d", name, n, want)
				}
			})
		})
	}
}

// TestShareRestored: after all have been stopped, what was kept is what all know; the collector that hears the agent first does not take its old losses for new ones.
func TestShareRestored(t *testing.T) {
	c := newCluster(t, "c1", "q1")
	counts := HeartbeatCounts{Read: 10, Acked: 5, Dropped: map[string]uint64{"queue_full": 5}}
	c.beat("c1", HeartbeatCounts{Read: 5})
	c.pass(10 * time.Second)
	c.beat("c1", counts)
	_, data, err := c.books["c1"].Kept("default", "a", c.now)
	if err != nil {
		t.Fatal(err)
	}
	for name := range c.books {
		delete(c.books, name)
	}
	c.now = c.now.Add(time.Minute + 40*time.Second)
	c.join("c2")
	c.join("q2")
	c.pass(2 * time.Second)
	if err := c.books["q2"].Restore("default", data); err != nil {
		t.Fatal(err)
	}
	if h := c.books["q2"].Hosts("default", "", c.now); len(h) != 1 || h[0].Silent {
		t.Errorf("at the start, what was kept two minutes ago is called silent: %+v", h)
	}
	counts.Dropped = map[string]uint64{"queue_full": 7}
	counts.Read = 12
	c.beat("c2", counts)
	c.books["q2"].TellAll()
	c.pass(10 * time.Second)
	for range 2 { // again and again, where collectors do not tell
		if err := c.books["q2"].Restore("default", data); err != nil {
			t.Fatal(err)
		}
	}
	c.all(func(name string, h HostAccount) {
		var lost uint64
		for _, l := range h.Agents[0].Losses {
			lost += l.Records
		}
		if lost != 7 {
			t.Errorf("%s: %d records are in losses, want 7: %+v", name, lost, h.Agents[0].Losses)
		}
	})
	c.pass(4 * time.Minute)
	c.all(func(name string, h HostAccount) {
		if !h.Silent {
			t.Errorf("%s: an agent that is gone is not silent", name)
		}
	})
}

// TestShareSenders: what collectors received without numbers is added up, as often as it is told.
func TestShareSenders(t *testing.T) {
	c := newCluster(t, "c1", "c2", "q1")
	sum := func(name string) (n uint64) {
		for _, s := range c.books[name].Senders("default") {
			n += s.Stored
		}
		return n
	}
	for i := range 30 {
		to := []string{"c1", "c2"}[i%2]
		c.books[to].Sent("default", "shop", telemetry.Spans, Outcome{Stored: 10}, c.at(to))
		c.pass(time.Second)
	}
	c.pass(6 * time.Second)
	c.join("q2")
	c.pass(10 * time.Second)
	for name := range c.books {
		if n := sum(name); n != 300 || len(c.books[name].Senders("default")) != 1 {
			t.Errorf("%s: %d spans, want 300", name, n)
		}
	}
	c.leave("c1")
	if n := sum("q1"); n != 150 {
		t.Errorf("%d spans after a collector has left, want 150: what it counted was since its start", n)
	}
}

// TestTold: many agents are more than one message, and all of them arrive.
func TestTold(t *testing.T) {
	c := newCluster(t, "c1", "q1")
	const agents = 300
	for i := range agents {
		h := beat(fmt.Sprint("a", i), HeartbeatCounts{Read: 1})
		for range 50 {
			h.Sources = append(h.Sources, h.Sources[0])
		}
		if _, err := c.books["c1"].Heartbeat("default", h, c.now); err != nil {
			t.Fatal(err)
		}
	}
	messages := c.books["c1"].say(c.now, false)
	for _, data := range messages {
		if len(data) > toldBytesMax {
			t.Errorf("a message has %d bytes", len(data))
		}
		c.books["q1"].hear(data, c.now)
	}
	if n := len(c.books["q1"].Hosts("default", "", c.now)); n != agents || len(messages) < 2 {
		t.Errorf("%d agents came in %d messages, want %d", n, len(messages), agents)
	}
}

// FuzzTold: nothing that comes from the wire ends a process, or makes an account that cannot be given.
func FuzzTold(f *testing.F) {
	b := NewBook(testNow)
	b.Share(Sharing{Life: "c1", Collects: true, Collectors: func() []string { return nil }})
	if _, err := b.Heartbeat("default", beat("a", HeartbeatCounts{Read: 3}), testNow); err != nil {
		f.Fatal(err)
	}
	b.Batch("default", Number{"a/logs", 1}, Outcome{}, testNow)
	b.Batch("default", Number{"a/logs", 5}, Outcome{}, testNow)
	for _, data := range b.say(testNow, false) {
		f.Add(data)
	}
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, data []byte) {
		b := NewBook(testNow)
		b.Share(Sharing{Life: "q1", Collectors: func() []string { return nil }})
		b.Batch("default", Number{"a/logs", 3}, Outcome{}, testNow)
		b.hear(data, testNow)
		b.hear(data, testNow.Add(time.Minute))
		b.Hosts("default", "", testNow)
		b.Notes(Question{Tenant: "default", Signal: "logs"}, testNow)
		b.gauges(testNow)
		b.say(testNow.Add(time.Hour), true)
	})
}
