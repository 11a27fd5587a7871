package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestReady(t *testing.T) {
	status, delay := http.StatusOK, time.Duration(0)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(delay):
		case <-r.Context().Done():
		}
		if r.URL.Path != "/readyz" {
			status = http.StatusNotFound
		}
		w.WriteHeader(status)
	}))
	defer server.Close()
	ask := func() int { return run(t.Context(), []string{"ready", "--server", server.URL, "--timeout", "100ms"}) }
	if code := ask(); code != exitFound {
		t.Errorf("ready: exit code %d", code)
	}
	if status = http.StatusServiceUnavailable; ask() != exitError {
		t.Error("one that is not ready is said to be")
	}
	if status, delay = http.StatusOK, time.Minute; ask() != exitError {
		t.Error("one that does not answer is said to be ready")
	}
}
