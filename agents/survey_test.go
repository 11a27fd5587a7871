package agents

import (
	"net"
	"slices"
	"strings"
	"testing"

	"clew/agents/host"
)

// What listens is told with where, and a collector that takes no heartbeats is a warning.
func TestSurveyOfWaysIn(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := DefaultConfig()
	c.Root, c.Data, c.Collectors = t.TempDir(), t.TempDir(), []string{l.Addr().String()}
	c.Overrides, err = ParseOverrides("x", []byte(`
receivers: {syslog/a: {protocol: rfc3164, udp: {listen_address: "127.0.0.1:5514"}}, loki: {endpoint: "127.0.0.1:3100"}}
exporters: {clew: {heartbeats: ["127.0.0.1:1"]}}
`))
	if err != nil {
		t.Fatal(err)
	}
	composed, err := Compose(c, host.Host{Name: "h"})
	if err != nil {
		t.Fatal(err)
	}
	r := Survey(t.Context(), c, composed, host.Host{Name: "h"})
	for _, want := range []string{"syslog/a: rfc3164 over udp on 127.0.0.1:5514", "loki: on 127.0.0.1:3100"} {
		if !slices.Contains(r.Others, want) {
			t.Errorf("%q is not in %q", want, r.Others)
		}
	}
	if !slices.ContainsFunc(r.Warnings, func(w string) bool { return strings.Contains(w, "no heartbeats at 127.0.0.1:1:") }) {
		t.Errorf("warnings %q", r.Warnings)
	}
}
