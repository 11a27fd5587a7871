package shardlog_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"clew/ingest/shardlog"
	"clew/internal/natstest"
)

// stampedLog is a log of one process that writes stamps.
func stampedLog(t *testing.T, c *natstest.Cluster) *shardlog.Cluster {
	t.Helper()
	cfg := clusterConfig(c, len(c.Servers))
	cfg.Shards = 1
	l := connectTo(t, cfg)
	l.SetWrites(shardlog.MessageVersion)
	return l
}

// appendAll appends messages with these texts to shard 0, each until it is acknowledged, and returns their positions.
func appendAll(t *testing.T, l *shardlog.Cluster, texts ...string) (at []shardlog.Position) {
	t.Helper()
	for _, text := range texts {
		eventually(t, "append "+text, func() bool {
			p, err := l.Append(t.Context(), 0, &shardlog.Message{
				Tenant: "a", Signal: 2, Records: 1, Batch: []byte(text), Sources: []shardlog.SourceSeq{{ID: "s", Seq: uint64(len(at)) + 1, Count: 1}},
			})
			if err == nil {
				at = append(at, p)
			}
			return err == nil
		})
	}
	return at
}

func texts(name string, from, to int) (list []string) {
	for i := from; i <= to; i++ {
		list = append(list, fmt.Sprint(name, i))
	}
	return list
}

// older keeps a copy of what a server has, and returns what puts it back.
func older(t *testing.T, s *natstest.Server) (restore func()) {
	t.Helper()
	copied := s.Dir + ".older"
	s.Kill()
	if err := os.CopyFS(copied, os.DirFS(s.Dir)); err != nil {
		t.Fatal(err)
	}
	start := func() {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
	start()
	return func() {
		s.Kill()
		if err := os.RemoveAll(s.Dir); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(s.Dir, os.DirFS(copied)); err != nil {
			t.Fatal(err)
		}
		start()
	}
}

// reading is a call of Consume.
type reading struct {
	cancel context.CancelFunc
	ended  chan error

	mu     sync.Mutex
	texts  []string
	ids    []string // of the messages' first sources
	damage []error
}

// read consumes shard 0. hold is called after each message.
func read(t *testing.T, l *shardlog.Cluster, after shardlog.Position, hold func(text string)) *reading {
	ctx, cancel := context.WithCancel(context.Background())
	r := &reading{cancel: cancel, ended: make(chan error, 1)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.ended <- l.Consume(ctx, 0, after, func(e shardlog.Entry) error {
			r.mu.Lock()
			if e.Damage != nil {
				r.damage = append(r.damage, e.Damage)
			} else {
				r.texts, r.ids = append(r.texts, string(e.Message.Batch)), append(r.ids, e.Message.Sources[0].ID)
			}
			r.mu.Unlock()
			if hold != nil {
				hold(string(e.Message.Batch))
			}
			return nil
		})
	}()
	t.Cleanup(func() { cancel(); <-done })
	return r
}

func (r *reading) wait(t *testing.T, n int) []string {
	t.Helper()
	eventually(t, fmt.Sprint("so many messages: ", n), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.texts) >= n
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.texts)
}

func (r *reading) end(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.ended:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the reading does not end")
	}
	return nil
}

// TestRescue: NATS comes back with an older store, and acknowledges messages of a process that has not heard how far was read, before the reader looks: at positions that it has read,
// and beyond. Nothing is trimmed; the reader ends with what is still the same; what it would have passed over is appended again, and read once.
func TestRescue(t *testing.T) {
	c := servers(t, 1)
	owner, writer := stampedLog(t, c), stampedLog(t, c)
	appendAll(t, writer, texts("old", 1, 5)...)
	restore := older(t, c.Servers[0])
	appendAll(t, writer, texts("old", 6, 10)...)
	hold := make(chan struct{})
	r := read(t, owner, 0, func(text string) {
		if text == "old10" {
			<-hold
		}
	})
	r.wait(t, 10)
	restore()
	if at := appendAll(t, writer, texts("new", 1, 7)...); at[0] != 6 || at[6] != 12 {
		t.Fatalf("appended at %v", at)
	}
	var err error
	eventually(t, "a trim is refused", func() bool {
		err = owner.TrimRead(t.Context(), 0, 8)
		return err != nil && strings.Contains(err.Error(), "not what was read")
	})
	close(hold)
	err = r.end(t)
	var beyond *shardlog.BeyondError
	if !errors.As(err, &beyond) || beyond.Same != 5 || beyond.After != 10 {
		t.Fatalf("reading ends with %v, want what is the same up to 5 of 10", err)
	}
	n, err := owner.Rescue(t.Context(), 0, beyond.Same, beyond.After)
	if err != nil || n != 5 {
		t.Fatalf("%d messages are appended again, %v", n, err)
	}
	r = read(t, owner, beyond.After, nil)
	got := r.wait(t, 7)
	if slices.Sort(got); !slices.Equal(got, texts("new", 1, 7)) {
		t.Errorf("read %v", got)
	}
	rescued := slices.DeleteFunc(slices.Clone(r.ids), func(id string) bool { return id == "s" })
	if slices.Sort(rescued); len(slices.Compact(rescued)) != 5 {
		t.Errorf("sources of those appended again are %v: want one of its own for each", rescued)
	}
	if counts := owner.Stats().Anomalies; counts[shardlog.AnomalyRescued] != 5 || counts[shardlog.AnomalySteppedBack] == 0 {
		t.Errorf("counted %v", counts)
	}
	if err := owner.TrimRead(t.Context(), 0, 12); err != nil {
		t.Errorf("trim: %v", err)
	}
}

// TestReconnected: a server that comes back with what it had is no reason to stop reading.
func TestReconnected(t *testing.T) {
	c := servers(t, 1)
	owner, writer := stampedLog(t, c), stampedLog(t, c)
	r := read(t, owner, 0, nil)
	appendAll(t, writer, texts("a", 1, 5)...)
	r.wait(t, 5)
	if err := owner.TrimRead(t.Context(), 0, 3); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		c.Servers[0].Kill()
		if err := c.Servers[0].Start(); err != nil {
			t.Fatal(err)
		}
		appendAll(t, writer, "b")
	}
	r.wait(t, 7)
	eventually(t, "trim", func() bool { return owner.TrimRead(t.Context(), 0, 7) == nil })
	if counts := owner.Stats().Anomalies; counts[shardlog.AnomalyRescued]+counts[shardlog.AnomalySteppedBack]+counts[shardlog.AnomalyLost] > 0 {
		t.Errorf("counted %v", counts)
	}
}

// TestReceiptProvesLoss: NATS comes back with an older store, and the positions of messages that it had acknowledged are given to others before anybody has read them. The next message
// of their writer proves them lost, each once.
func TestReceiptProvesLoss(t *testing.T) {
	c := servers(t, 1)
	first, second, owner := stampedLog(t, c), stampedLog(t, c), stampedLog(t, c)
	appendAll(t, first, texts("a", 1, 3)...)
	restore := older(t, c.Servers[0])
	appendAll(t, first, texts("a", 4, 5)...)
	restore()
	appendAll(t, second, texts("b", 1, 2)...)
	appendAll(t, first, "a6", "a7")
	r := read(t, owner, 0, nil)
	if got := r.wait(t, 7); !slices.Equal(got, []string{"a1", "a2", "a3", "b1", "b2", "a6", "a7"}) {
		t.Errorf("read %v", got)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var lost []shardlog.Position
	for _, err := range r.damage {
		var l *shardlog.LostMessageError
		if errors.As(err, &l) {
			lost = append(lost, l.Position)
		}
	}
	if !slices.Equal(lost, []shardlog.Position{4, 5}) || len(r.damage) != 2 || owner.Stats().Anomalies[shardlog.AnomalyLost] != 2 {
		t.Errorf("lost %v, %v", lost, r.damage)
	}
}

// TestStreamReplaced: a stream that is deleted and made anew under its reader ends the reading; on three servers, one that stays away too. It is made anew by whoever owns the
// shard, above all that had a meaning, and takes messages there.
func TestStreamReplaced(t *testing.T) {
	c := servers(t, 3)
	owner, writer := stampedLog(t, c), stampedLog(t, c)
	nc, err := nats.Connect(strings.Join(c.URLs(), ","))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := nc.JetStream(nats.MaxWait(10 * time.Second))
	if err != nil {
		t.Fatal(err)
	}
	r := read(t, owner, 0, nil)
	appendAll(t, writer, texts("a", 1, 5)...)
	r.wait(t, 5)
	info, err := js.StreamInfo("CLEW_LOG_0")
	if err != nil {
		t.Fatal(err)
	}
	if err := js.DeleteStream("CLEW_LOG_0"); err != nil {
		t.Fatal(err)
	}
	if _, err := js.AddStream(&info.Config); err != nil {
		t.Fatal(err)
	}
	var remade *shardlog.RemadeError
	if err := r.end(t); !errors.As(err, &remade) || owner.Stats().Anomalies[shardlog.AnomalyRemade] != 1 {
		t.Fatalf("reading ends with %v, counted %v", err, owner.Stats().Anomalies)
	}
	r = read(t, owner, 0, nil)
	appendAll(t, writer, "b1")
	r.wait(t, 1)
	if err := js.DeleteStream("CLEW_LOG_0"); err != nil {
		t.Fatal(err)
	}
	var gone *shardlog.GoneError
	if err := r.end(t); !errors.As(err, &gone) {
		t.Fatalf("reading ends with %v", err)
	}
	if made, err := owner.Remake(t.Context(), 0, 7); err != nil || !made {
		t.Fatalf("made anew: %v, %v", made, err)
	}
	if at := appendAll(t, writer, "c1"); at[0] != 8 {
		t.Errorf("appended at %v, want above 7", at)
	}
}
