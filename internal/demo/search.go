package demo

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"time"

	otelruntime "go.opentelemetry.io/contrib/instrumentation/runtime"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// search looks products up by name. With the fault memory-leak it remembers every result and forgets none.
type search struct {
	*service
	pool *pool

	mu   sync.Mutex
	held [][]byte
}

func newSearch(s *service) error {
	c := &search{service: s}
	var err error
	if c.pool, err = s.newPool(); err != nil {
		return err
	}
	s.serveHTTP()
	s.handle("GET /search", c.find)
	s.background(c.idle)
	s.background(c.collections)
	// All services share this process, so its memory is told by the one whose leak it is.
	return otelruntime.Start(otelruntime.WithMeterProvider(s.sdk.metrics))
}

func (c *search) find(ctx context.Context, r *http.Request) (any, error) {
	words := r.FormValue("q")
	if c.shop.faults.is(memoryLeak) {
		if err := c.remember(ctx); err != nil {
			return nil, err
		}
	}
	rows, err := c.pool.query(ctx, searchProducts, words)
	if err != nil {
		return nil, fmt.Errorf("search %q: %w", words, err)
	}
	found, err := decodeRows[product](rows)
	if err != nil {
		return nil, err
	}
	_, rank := c.tracer.Start(ctx, "rank results", trace.WithAttributes(attribute.Int("search.candidates", len(found))))
	err = nap(ctx, c.dice.about(2*time.Millisecond))
	rank.End()
	if len(found) == 0 {
		c.log.WarnContext(ctx, fmt.Sprintf("no results for query %q", words))
	} else {
		c.log.InfoContext(ctx, fmt.Sprintf("query %q matched %d products", words, len(found)))
	}
	return found, err
}

// remember adds a result to the cache that has no limit; the fuller the heap, the longer a request waits for memory.
func (c *search) remember(ctx context.Context) error {
	held := c.grow(leakBytesChunk)
	if held < leakBytesMax/3 {
		return nil
	}
	ctx, span := c.tracer.Start(ctx, "wait for memory", trace.WithAttributes(attribute.Int("process.heap.held", held)))
	defer span.End()
	return nap(ctx, time.Duration(float64(held)/leakBytesMax*float64(400*time.Millisecond)))
}

// grow holds n more bytes, and says how many there are.
func (c *search) grow(n int) int {
	chunk := make([]byte, n)
	for i := 0; i < n; i += 4096 { // untouched pages would cost nothing
		chunk[i] = 1
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = append(c.held, chunk)
	held := 0
	for _, h := range c.held {
		held += len(h)
	}
	return held
}

// idle leaks on without requests, speaks of it, and is killed when memory is out.
func (c *search) idle(ctx context.Context) {
	for nap(ctx, time.Second) == nil {
		if !c.shop.faults.is(memoryLeak) {
			c.forget()
			continue
		}
		held := c.grow(leakPerSecond)
		switch {
		case held >= leakBytesMax:
			c.log.Log(ctx, levelFatal, fmt.Sprintf("fatal error: runtime: out of memory: cannot allocate %d-byte block (%d in use); killed, restarting", leakBytesChunk, held))
			c.forget()
			c.log.InfoContext(ctx, "search "+releases["search"]+" started: result cache is empty")
		case held >= leakBytesMax/2:
			c.log.ErrorContext(ctx, fmt.Sprintf("result cache holds %d MiB, heap is at %d%% of its limit", held>>20, 100*held/leakBytesMax))
		default:
			c.log.WarnContext(ctx, fmt.Sprintf("result cache holds %d MiB, heap is at %d%% of its limit", held>>20, 100*held/leakBytesMax))
		}
	}
	c.forget()
}

func (c *search) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.held = nil
}

// collections tells each garbage collection, as GODEBUG=gctrace=1 would.
func (c *search) collections(ctx context.Context) {
	var m runtime.MemStats
	begin, seen := time.Now(), uint32(0)
	for nap(ctx, 2*time.Second) == nil {
		runtime.ReadMemStats(&m)
		if m.NumGC == seen {
			continue
		}
		seen = m.NumGC
		pause := time.Duration(m.PauseNs[(m.NumGC+255)%256])
		c.log.DebugContext(ctx, fmt.Sprintf("gc %d @%.3fs: %.3f ms pause, %d MB live, %d MB goal", m.NumGC, time.Since(begin).Seconds(), float64(pause.Microseconds())/1000, m.HeapAlloc>>20, m.NextGC>>20))
	}
}
