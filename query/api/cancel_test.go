package api

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"syscall"
	"testing"
	"time"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine"
)

// cpu is what the process has taken so far.
func cpu(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Error(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// TestClientLeaves has a client of a query that takes many seconds go away: the query ends, and its CPU with it.
func TestClientLeaves(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var lines []logLine
	for i := range 100 { // of a megabyte each: some 60 ms of regular expression
		text := make([]byte, 1<<20)
		for j := range text {
			text[j] = byte('a' + rng.IntN(20))
		}
		lines = append(lines, logLine{after: time.Duration(i), body: string(text)})
	}
	s := serve(t, &partsSource{parts: map[telemetry.Signal][]index.Part{telemetry.Logs: {head(t, "h", logBatch(lines))}}}, engine.Limits{})
	server := httptest.NewServer(s)
	defer server.Close()
	ask := server.URL + "/api/v1/count?" + url.Values{"signal": {"logs"}, "query": {`/([a-t]+ ?)*[x-z][a-t]*[x-z]$/`}}.Encode()
	runtime.GC() // so that the CPU that is seen is the query's
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, ask, nil)
	if err != nil {
		t.Fatal(err)
	}
	before := cpu(t)
	go func() { // leaves when the query is at work
		for ctx.Err() == nil && cpu(t)-before < 100*time.Millisecond {
			time.Sleep(5 * time.Millisecond)
		}
		leave()
	}()
	if res, err := server.Client().Do(request); !errors.Is(err, context.Canceled) {
		if err == nil {
			_ = res.Body.Close()
		}
		t.Fatalf("the query ended by itself: %v", err)
	}
	// It may finish the row it is at, and the garbage collector what it has begun. All rows would take much longer than this.
	var took time.Duration
	for range 3 {
		before = cpu(t)
		time.Sleep(500 * time.Millisecond)
		if took = cpu(t) - before; took <= 100*time.Millisecond {
			return
		}
	}
	t.Errorf("%v of CPU in half a second, 1 s after the client left", took)
}
