package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync/atomic"
	"testing"
	"time"

	"clew/index/store"
	"clew/internal/cloudtest"
	"clew/internal/harness"
	"clew/internal/s3test"
)

var prefixes atomic.Int64

// prefix is another one each time.
func prefix() string { return fmt.Sprintf("test/%d", prefixes.Add(1)) }

// An object of many parts comes back whole, and one whose upload breaks off never appears.
func TestLargeObject(t *testing.T) {
	for _, c := range clouds {
		t.Run(c.name, func(t *testing.T) { testLargeObject(t, c.open(t, addressOf(c.start(t)))) })
	}
}

func testLargeObject(t *testing.T, st *Store) {
	ctx := t.Context()
	block := bytes.Repeat([]byte("0123456789abcdef"), 64<<10)
	const blocks = 5*partBytes/(1<<20) + 1
	size, err := st.Put(ctx, "large", func(w io.Writer) error {
		for range blocks {
			if _, err := w.Write(block); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil || size != blocks<<20 {
		t.Fatalf("Put: %d, %v", size, err)
	}
	p := make([]byte, 100)
	n, whole, err := st.ReadRange(ctx, "large", p, size-50)
	if err != nil || n != 50 || whole != size || !bytes.Equal(p[:50], block[len(block)-50:]) {
		t.Errorf("ReadRange at the end: %d bytes of %d, %v", n, whole, err)
	}
	if n, whole, err = st.ReadRange(ctx, "large", p, size+1); n != 0 || whole != size || err != nil {
		t.Errorf("ReadRange beyond the end: %d bytes of %d, %v", n, whole, err)
	}
	boom := errors.New("boom")
	_, err = st.Put(ctx, "torn", func(w io.Writer) error {
		for range blocks {
			if _, err := w.Write(block); err != nil {
				return err
			}
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("torn upload: %v", err)
	}
	if _, err := st.Size(ctx, "torn"); !store.IsNotExist(err) {
		t.Errorf("a torn upload left an object: %v", err)
	}
}

// What a store that is away answers is an *AwayError with its reason, and never one about the object.
func TestAway(t *testing.T) {
	for _, c := range clouds {
		t.Run(c.name, func(t *testing.T) { testAway(t, c) })
	}
}

func testAway(t *testing.T, c cloud) {
	g := c.start(t)
	relay := s3test.NewRelayTo(t, addressOf(g))
	st := c.open(t, relay.Address)
	write := func(w io.Writer) error { _, err := io.WriteString(w, "x"); return err }
	if _, err := st.Put(t.Context(), "a", write); err != nil {
		t.Fatal(err)
	}
	check := func(t *testing.T, ctx context.Context, st *Store, reason string) {
		t.Helper()
		_, putErr := st.Put(ctx, "b", write)
		_, sizeErr := st.Size(ctx, "a")
		_, listErr := st.List(ctx, "")
		_, missingErr := st.Size(ctx, "missing")
		for what, err := range map[string]error{
			"Put": putErr, "Size": sizeErr, "Size of what is missing": missingErr, "List": listErr,
			"ReadAt": st.ReadAt(ctx, "a", make([]byte, 1), 0), "Delete": st.Delete(ctx, "a"),
		} {
			if reason == store.AwayNoBucket && what == "Delete" {
				continue // begins with a HEAD, whose answer doesn't say what is missing; nothing is there to be deleted either way
			}
			var away *store.AwayError
			if !errors.As(err, &away) || away.Reason != reason {
				t.Errorf("%s: %v; want away, %s", what, err, reason)
			}
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: %v tells of the object", what, err)
			}
		}
	}
	t.Run("failing", func(t *testing.T) { relay.Answer(500); check(t, t.Context(), st, store.AwayFailing) })
	t.Run("refused", func(t *testing.T) { relay.Answer(403); check(t, t.Context(), st, store.AwayDenied) })
	t.Run("busy", func(t *testing.T) { relay.Answer(503); check(t, t.Context(), st, store.AwayBusy) })
	relay.Answer(0)
	t.Run("denied", func(t *testing.T) {
		if c.wrong == nil {
			t.Skip("this server asks for no credentials")
		}
		c.wrong(t)
		check(t, t.Context(), c.openURL(t, c.url(relay.Address, cloudtest.Bucket, "test")), store.AwayDenied)
	})
	t.Run("no bucket", func(t *testing.T) {
		check(t, t.Context(), c.openURL(t, c.url(relay.Address, "nowhere", "test")), store.AwayNoBucket)
	})
	t.Run("gone", func(t *testing.T) {
		g.Kill()
		check(t, t.Context(), st, store.AwayUnreachable)
		g.Restart(t)
		if err := st.ReadAt(t.Context(), "a", make([]byte, 1), 0); err != nil {
			t.Errorf("back again: %v", err)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		nobody, err := harness.FreePorts(1)
		if err != nil {
			t.Fatal(err)
		}
		check(t, t.Context(), c.open(t, nobody[0]), store.AwayUnreachable)
	})
	t.Run("the caller's own deadline", func(t *testing.T) {
		relay.Delay(time.Minute)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := st.ReadAt(ctx, "a", make([]byte, 1), 0); !errors.Is(err, context.DeadlineExceeded) || store.IsAway(err) {
			t.Errorf("%v, want the deadline and nothing else", err)
		}
	})
}
