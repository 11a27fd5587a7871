package main

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"clew/internal/access"
)

// A port where nobody is asked is named as open with the section access too; one that asks, or that takes certificates only, is not.
func TestOpenPorts(t *testing.T) {
	ports := []port{
		{what: "api", address: "0.0.0.0:1"},
		{what: "near", address: "127.0.0.1:2"},
		{what: "certified", address: "0.0.0.0:3", certified: true},
		{what: flightPort, address: "0.0.0.0:4", unguarded: true},
		{what: "flight with certificates", address: "0.0.0.0:5", unguarded: true, certified: true},
	}
	_, hash := access.NewToken()
	off, on := access.DefaultConfig(), access.DefaultConfig()
	on.Tokens = []access.Token{{Name: "a", Hash: hash, Role: access.Read, Tenants: []string{"*"}}}
	for _, test := range []struct {
		name string
		cfg  access.Config
		want []string
	}{
		{"off", off, []string{"api at 0.0.0.0:1", flightPort + " at 0.0.0.0:4"}},
		{"on", on, []string{flightPort + " at 0.0.0.0:4"}},
	} {
		d, err := openDoors(test.cfg, t.TempDir(), ports, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		defer d.close()
		if diff := cmp.Diff(test.want, d.open()); diff != "" {
			t.Errorf("access %s:\n%s", test.name, diff)
		}
	}
}
