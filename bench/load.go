package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"clew/internal/harness"
)

const (
	// requestsAhead bounds the requests that are made and not yet sent.
	requestsAhead = 16
	// idleForDefault is how long the server must do nothing to count as done: longer than the ticks of what works in the background.
	idleForDefault = 3 * time.Second
	// idleShare is what nothing is, of a core.
	idleShare = 0.02
	// idleWithin bounds the wait.
	idleWithin = 10 * time.Minute
)

// sent is what a load came to.
type sent struct {
	records  int
	wire     int64 // bytes of request bodies
	requests int
	retries  int64 // refusals (429, 503) that were repeated, as SDKs do
	took     time.Duration
}

// send makes a corpus's requests, one after the other, and posts them from several connections.
func send(p *harness.Process, c corpus, clients int) (sent, error) {
	type request struct{ body []byte }
	ready, free := make(chan request, requestsAhead), make(chan []byte, requestsAhead+clients+1)
	for range cap(free) {
		free <- nil
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: clients, DisableCompression: true}}
	defer client.CloseIdleConnections()
	var out sent
	var retries atomic.Int64
	var wg sync.WaitGroup
	failed, stop := make(chan error, clients), make(chan struct{})
	var stopOnce sync.Once
	started := time.Now()
	for range clients {
		wg.Go(func() {
			for r := range ready {
				n, err := deliver(client, "http://"+p.OTLP+c.path(), r.body)
				retries.Add(n)
				if err != nil {
					failed <- err
					stopOnce.Do(func() { close(stop) })
					return
				}
				free <- r.body
			}
		})
	}
make:
	for {
		var buf []byte
		select {
		case buf = <-free:
		case <-stop:
			break make
		}
		body, n := c.next(buf[:0])
		if n == 0 {
			break
		}
		out.records += n
		out.requests++
		out.wire += int64(len(body))
		select {
		case ready <- request{body}:
		case <-stop:
			break make
		}
	}
	close(ready)
	wg.Wait()
	close(failed)
	out.took, out.retries = time.Since(started), retries.Load()
	return out, <-failed
}

// deliver posts a body until it is taken, and says how often it was refused.
func deliver(client *http.Client, url string, body []byte) (refused int64, err error) {
	for {
		res, err := client.Post(url, "application/x-protobuf", bytes.NewReader(body))
		if err != nil {
			return refused, err
		}
		text, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			return refused, err
		}
		switch res.StatusCode {
		case http.StatusOK:
			if len(text) > 0 {
				return refused, fmt.Errorf("%s: not all was taken: %q", url, text)
			}
			return refused, nil
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			refused++
			time.Sleep(time.Second)
		default:
			return refused, fmt.Errorf("%s: %s: %q", url, res.Status, text)
		}
	}
}

// waitIdle waits until the process has had nothing to do for idleFor.
func waitIdle(p *harness.Process, idleFor time.Duration) error {
	deadline := time.Now().Add(idleWithin)
	for time.Now().Before(deadline) {
		before, err := p.CPU()
		if err != nil {
			return err
		}
		time.Sleep(idleFor)
		after, err := p.CPU()
		if err != nil {
			return err
		}
		if after-before <= time.Duration(idleShare*float64(idleFor)) {
			return nil
		}
	}
	return errors.New("the process is not idle after " + idleWithin.String())
}
