package stock

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"

	"clew/internal/receivers/way"
)

// rig is receivers with their own ports, and what they give to the pipeline.
type rig struct {
	reg    *prometheus.Registry
	traces consumertest.TracesSink
	logs   consumertest.LogsSink
}

func newRig() *rig { return &rig{reg: prometheus.NewRegistry()} }

// start starts a component with the configuration that Components makes, changed by change.
func (r *rig) start(t testing.TB, m *way.Metrics, c Component, change map[string]any) {
	t.Helper()
	var id component.ID
	if err := id.UnmarshalText([]byte(c.ID)); err != nil {
		t.Fatal(err)
	}
	for _, f := range Factories(m, nil) {
		if f.Type() != id.Type() {
			continue
		}
		conf := confmap.NewFromStringMap(c.Config)
		if err := conf.Merge(confmap.NewFromStringMap(change)); err != nil {
			t.Fatal(err)
		}
		cfg := f.CreateDefaultConfig()
		if err := conf.Unmarshal(cfg); err != nil {
			t.Fatal(err)
		}
		set := receiver.Settings{ID: id, TelemetrySettings: componenttest.NewNopTelemetrySettings()}
		set.Logger = zap.NewNop() // complaints are counted whether or not they are logged
		var comp component.Component
		var err error
		if c.Logs {
			comp, err = f.CreateLogs(t.Context(), set, cfg, &r.logs)
		} else {
			comp, err = f.CreateTraces(t.Context(), set, cfg, &r.traces)
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := comp.Start(t.Context(), componenttest.NewNopHost()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := comp.Shutdown(context.Background()); err != nil {
				t.Error(err)
			}
		})
		return
	}
	t.Fatalf("no factory of %s", c.ID)
}

func (r *rig) counter(t *testing.T, name string, labels ...string) float64 {
	t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "clew_receiver_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			found := 0
			for _, l := range m.GetLabel() {
				for _, want := range labels {
					if l.GetValue() == want {
						found++
					}
				}
			}
			if found == len(labels) {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// await fails unless ok comes true within twenty seconds, which are for busy machines.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for range 1000 {
		if ok() {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("%s: not so after twenty seconds", what)
}

func freeUDP(t *testing.T) string {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

func write(t *testing.T, network, address string, data ...string) {
	t.Helper()
	conn, err := net.Dial(network, address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, d := range data {
		if _, err := conn.Write([]byte(d)); err != nil {
			t.Fatal(err)
		}
	}
}

// emitBatch is a batch of one span in Thrift's compact protocol, as Jaeger's clients write it: a oneway call of emitBatch.
const emitBatch = "\x82\x81\x01\x09emitBatch\x1c\x1c\x18\x04shop\x00\x19\x1c" + // Batch{1: Process{1: "shop"}, 2: list of one
	"\x16\x02\x16\x04\x16\x06\x16\x00\x18\x03buy\x25\x02\x16\x80\x90\xa0\xc0\x8f\xe2\xd6\x05\x16\x14\x00" + // Span{1-4: 1, 2, 3, 0, 5: "buy", 7: 1, 8: start, 9: 10 us}
	"\x00\x00"

// What cannot be read of UDP is counted, and what comes after it is taken.
func TestJaegerUDP(t *testing.T) {
	r := newRig()
	m, err := way.NewMetrics(r.reg)
	if err != nil {
		t.Fatal(err)
	}
	address := freeUDP(t)
	r.start(t, m, Component{ID: "jaeger", Config: map[string]any{"protocols": map[string]any{"thrift_compact": map[string]any{"endpoint": address}}}}, nil)
	write(t, "udp", address, "rubbish", "\x82\x81\x01", strings.Repeat("\xff", 5000))
	await(t, "three are malformed", func() bool { return r.counter(t, "requests_total", Jaeger, "malformed") == 3 })
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		b := []byte(emitBatch)
		for range 1 + rnd.IntN(4) {
			b[rnd.IntN(len(b))] = byte(rnd.Uint32())
		}
		write(t, "udp", address, string(b))
	}
	before := 0
	await(t, "all are read", func() bool {
		n := r.traces.SpanCount()
		still := n == before
		before = n
		time.Sleep(100 * time.Millisecond)
		return still
	})
	write(t, "udp", address, emitBatch)
	await(t, "a good one is taken after bad ones", func() bool { return r.traces.SpanCount() > before })
	if r.counter(t, "records_accepted_total", Jaeger) == 0 {
		t.Error("nothing was counted as accepted")
	}
}

func TestSyslog(t *testing.T) {
	for _, format := range []string{"rfc3164", "rfc5424"} {
		t.Run(format, func(t *testing.T) {
			r := newRig()
			m, err := way.NewMetrics(r.reg)
			if err != nil {
				t.Fatal(err)
			}
			address := freeUDP(t) // free for TCP too, as good as always
			for _, c := range Components(Syslog, Place{Host: "127.0.0.1"}) {
				for _, transport := range []string{"tcp", "udp"} {
					if c.ID == "syslog/"+format+"_"+transport {
						r.start(t, m, c, map[string]any{transport: map[string]any{"listen_address": address}})
					}
				}
			}
			good := "<34>Oct 11 22:14:15 host su: 'su root' failed"
			if format == "rfc5424" {
				good = "<34>1 2026-10-11T22:14:15.003Z host su 7 ID47 [x@1 a=\"b\"] 'su root' failed"
			}
			write(t, "udp", address, good, "no syslog at all", "<999>1 bad", "\xff\xfe\x00")
			write(t, "tcp", address, good+"\n", "no syslog either\n", good+"\n")
			await(t, "all are taken", func() bool { return r.logs.LogRecordCount() == 7 })
			if n := r.counter(t, "records_unparsed_total", Syslog); n != 4 {
				t.Errorf("%v are not parsed, want 4", n)
			}
			for _, ld := range r.logs.AllLogs() {
				for _, rl := range ld.ResourceLogs().All() {
					for _, lr := range rl.ScopeLogs().At(0).LogRecords().All() {
						if _, ok := lr.Attributes().Get(priorityAttribute); ok && !strings.Contains(lr.Body().AsString(), "'su root' failed") {
							t.Errorf("body %q", lr.Body().AsString())
						}
					}
				}
			}
			rnd := rand.New(rand.NewPCG(3, 4))
			before := r.logs.LogRecordCount()
			for range 300 {
				b := []byte(good)
				for range 1 + rnd.IntN(5) {
					b[rnd.IntN(len(b))] = byte(rnd.Uint32())
				}
				write(t, "udp", address, string(b))
			}
			// A busy kernel drops datagrams.
			await(t, "spoiled lines are taken as they came", func() bool { return r.logs.LogRecordCount() > before+30 })
			accepted := r.counter(t, "records_accepted_total", Syslog)
			write(t, "tcp", address, good+"\n")
			await(t, "a good one is taken after bad ones", func() bool { return r.counter(t, "records_accepted_total", Syslog) > accepted })
		})
	}
}

// A frame whose length is none, or that never ends, is counted and ends its own connection.
func TestSyslogFraming(t *testing.T) {
	r := newRig()
	m, err := way.NewMetrics(r.reg)
	if err != nil {
		t.Fatal(err)
	}
	address := freeUDP(t)
	tcp := Components(Syslog, Place{Host: "127.0.0.1"})
	for _, c := range tcp {
		if c.ID == "syslog/rfc5424_tcp" {
			r.start(t, m, c, map[string]any{"tcp": map[string]any{"listen_address": address}})
		}
	}
	good := "<34>1 2026-10-11T22:14:15.003Z host su 7 ID47 - one\nand two\n" // rsyslog's end so
	write(t, "tcp", address, fmt.Sprintf("%d %s", len(good), good))
	await(t, "a counted frame is one record", func() bool { return r.logs.LogRecordCount() == 1 })
	if body := r.logs.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0).Body().AsString(); body != "one\nand two" {
		t.Errorf("body %q", body)
	}
	plain := strings.TrimSuffix(good, "\n")
	single := strings.Replace(plain, "\n", " ", 1)
	write(t, "tcp", address, fmt.Sprintf("%d %s%s\n%d %s", len(plain), plain, single, len(plain), plain))
	await(t, "counted frames without a newline, and a line among them, are records", func() bool { return r.logs.LogRecordCount() == 4 })
	if n := r.counter(t, "records_unparsed_total", Syslog); n != 0 {
		t.Errorf("%v are not parsed", n)
	}
	write(t, "tcp", address, "9999999999 <34>1", strings.Repeat("x", messageBytesMax+1))
	await(t, "a bad length is counted", func() bool { return r.counter(t, "requests_total", Syslog, "malformed") == 1 })
	write(t, "tcp", address, fmt.Sprintf("%d %s", len(good), good))
	await(t, "the next connection is served", func() bool { return r.counter(t, "records_accepted_total", Syslog) == 5 })
}
