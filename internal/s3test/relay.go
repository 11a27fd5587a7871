package s3test

import (
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Relay stands before a gateway and passes requests on: slowly, wrongly or not at all. It counts them.
type Relay struct {
	Address string // host:port

	requests atomic.Int64
	bytes    atomic.Int64

	mu     sync.Mutex
	delay  time.Duration
	status int
	slow   func(n int64) time.Duration
}

// NewRelay runs a relay to a gateway until the test ends.
func NewRelay(t testing.TB, g *Gateway) *Relay { return NewRelayTo(t, g.Address) }

// NewRelayTo runs a relay to any HTTP server until the test ends.
func NewRelayTo(t testing.TB, address string) *Relay {
	t.Helper()
	return NewRelayAt(t, "127.0.0.1:0", address)
}

// NewRelayAt is NewRelayTo at an address of the caller's choice.
func NewRelayAt(t testing.TB, at, address string) *Relay {
	t.Helper()
	listener, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{Address: listener.Addr().String()}
	proxy := &httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&url.URL{Scheme: "http", Host: address})
			p.Out.Host = p.In.Host // it is signed
		},
		ModifyResponse: func(res *http.Response) error {
			if res.ContentLength > 0 {
				r.bytes.Add(res.ContentLength)
			}
			return nil
		},
		ErrorHandler: func(http.ResponseWriter, *http.Request, error) {
			panic(http.ErrAbortHandler) // drops the connection, as a gateway that is gone would
		},
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		n := r.requests.Add(1)
		r.mu.Lock()
		delay, status, slow := r.delay, r.status, r.slow
		r.mu.Unlock()
		if slow != nil {
			delay = slow(n)
		}
		select {
		case <-time.After(delay):
		case <-req.Context().Done():
			return
		}
		if status != 0 {
			w.WriteHeader(status)
			return
		}
		proxy.ServeHTTP(w, req)
	})}
	go func() { _ = server.Serve(listener) }() // until it is closed
	t.Cleanup(func() { server.Close() })
	return r
}

// Delay delays every request from now on.
func (r *Relay) Delay(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.delay, r.slow = d, nil
}

// DelayEach asks f how long to delay the n-th request of all.
func (r *Relay) DelayEach(f func(n int64) time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.slow = f
}

// Answer answers every request with a status from now on; 0 passes them on again.
func (r *Relay) Answer(status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status = status
}

// Requests and Bytes are what has come and what the gateway has answered since the last Reset.
func (r *Relay) Requests() int64 { return r.requests.Load() }

// Bytes are the answers' bodies.
func (r *Relay) Bytes() int64 { return r.bytes.Load() }

// Reset counts from zero.
func (r *Relay) Reset() {
	r.requests.Store(0)
	r.bytes.Store(0)
}
