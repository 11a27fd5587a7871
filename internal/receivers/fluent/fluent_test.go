package fluent

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/tinylib/msgp/msgp"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/receiver"

	"clew/internal/receivers/way"
)

// sink is a pipeline that keeps what it gets, or refuses.
type sink struct {
	consumertest.LogsSink
	mu     sync.Mutex
	refuse error
}

func (s *sink) ConsumeLogs(ctx context.Context, ld plog.Logs) error {
	s.mu.Lock()
	refuse := s.refuse
	s.mu.Unlock()
	if refuse != nil {
		return refuse
	}
	return s.LogsSink.ConsumeLogs(ctx, ld)
}

func (s *sink) setRefuse(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse = err
}

type rig struct {
	sink    *sink
	reg     *prometheus.Registry
	address string
}

func start(t *testing.T) *rig {
	t.Helper()
	r := &rig{sink: &sink{}, reg: prometheus.NewRegistry()}
	m, err := way.NewMetrics(r.reg)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFactory(m, nil)
	set := receiver.Settings{ID: component.NewID(Type), TelemetrySettings: componenttest.NewNopTelemetrySettings()}
	logs, err := f.CreateLogs(t.Context(), set, &Config{Endpoint: "127.0.0.1:0"}, r.sink)
	if err != nil {
		t.Fatal(err)
	}
	if err := logs.Start(t.Context(), componenttest.NewNopHost()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := logs.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	})
	r.address = logs.(*server).listener.Addr().String()
	return r
}

// send writes bytes on a connection of their own and gives what is answered until the end, or until wait has passed.
func (r *rig) send(t *testing.T, data []byte, wait time.Duration) (answer []byte, closed bool) {
	t.Helper()
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(wait)); err != nil {
		t.Fatal(err)
	}
	answer, err = io.ReadAll(conn)
	var timeout net.Error
	return answer, !errors.As(err, &timeout) || !timeout.Timeout()
}

func (r *rig) count(t *testing.T, name, label string) float64 {
	t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if f.GetName() == name && l.GetValue() == label {
					return m.GetCounter().GetValue()
				}
			}
		}
	}
	return 0
}

func eventTimeOf(at time.Time) []byte {
	b := []byte{0xd7, 0}
	b = binary.BigEndian.AppendUint32(b, uint32(at.Unix()))
	return binary.BigEndian.AppendUint32(b, uint32(at.Nanosecond()))
}

func recordOf(fields ...string) []byte {
	b := msgp.AppendMapHeader(nil, uint32(len(fields)/2))
	for _, f := range fields {
		b = msgp.AppendString(b, f)
	}
	return b
}

func entryOf(at []byte, record []byte) []byte {
	return append(append(msgp.AppendArrayHeader(nil, 2), at...), record...)
}

func messageOf(parts ...[]byte) []byte {
	b := msgp.AppendArrayHeader(nil, uint32(len(parts)))
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func TestModes(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 123456789, time.UTC)
	tag := msgp.AppendString(nil, "app.web")
	chunk := recordOf("chunk", "c1")
	entries := append(entryOf(eventTimeOf(at), recordOf("log", "one", "level", "warn")), entryOf(msgp.AppendInt64(nil, at.Unix()), recordOf("message", "two"))...)
	var zipped bytes.Buffer
	zw := gzip.NewWriter(&zipped)
	if _, err := zw.Write(entries); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	fluentBit := messageOf(messageOf(eventTimeOf(at), recordOf("k", "v")), recordOf("log", "one", "trace_id", "0123456789abcdef0123456789abcdef"))
	for name, tc := range map[string]struct {
		data []byte
		want []string
		ack  string
	}{
		"message":       {messageOf(tag, eventTimeOf(at), recordOf("log", "one", "level", "warn")), []string{"one"}, ""},
		"message, ack":  {messageOf(tag, eventTimeOf(at), recordOf("log", "one"), chunk), []string{"one"}, "c1"},
		"forward":       {messageOf(tag, append(msgp.AppendArrayHeader(nil, 2), entries...), chunk), []string{"one", "two"}, "c1"},
		"packed":        {messageOf(tag, msgp.AppendBytes(nil, entries), chunk), []string{"one", "two"}, "c1"},
		"packed string": {messageOf(tag, msgp.AppendString(nil, string(entries))), []string{"one", "two"}, ""},
		"compressed":    {messageOf(tag, msgp.AppendBytes(nil, zipped.Bytes()), recordOf("compressed", "gzip", "chunk", "c2")), []string{"one", "two"}, "c2"},
		"fluent bit":    {messageOf(tag, append(msgp.AppendArrayHeader(nil, 1), fluentBit...)), []string{"one"}, ""},
		"empty":         {messageOf(tag, msgp.AppendBytes(nil, nil), chunk), nil, "c1"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			answer, closed := r.send(t, tc.data, 500*time.Millisecond)
			if closed {
				t.Fatal("the connection was closed")
			}
			want := ""
			if tc.ack != "" {
				want = string(ack(tc.ack))
			}
			if string(answer) != want {
				t.Errorf("answer %q, want %q", answer, want)
			}
			var got []string
			for _, ld := range r.sink.AllLogs() {
				for _, lr := range ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().All() {
					got = append(got, lr.Body().Str())
					if v, _ := lr.Attributes().Get("fluent.tag"); v.Str() != "app.web" {
						t.Errorf("tag %q", v.Str())
					}
					if _, ok := lr.Attributes().Get("level"); ok && (lr.SeverityNumber() != plog.SeverityNumberWarn || !lr.Timestamp().AsTime().Equal(at)) {
						t.Errorf("severity %v at %v", lr.SeverityNumber(), lr.Timestamp().AsTime())
					}
				}
			}
			if len(got) != len(tc.want) {
				t.Fatalf("records %q, want %q", got, tc.want)
			}
			for i := range got {
				if got[i] != tc.want[i] {
					t.Errorf("record %q, want %q", got[i], tc.want[i])
				}
			}
		})
	}
}

// What cannot be read ends its own connection, is counted by reason, and takes no memory.
func TestMalformed(t *testing.T) {
	tag := msgp.AppendString(nil, "t")
	deep := bytes.Repeat([]byte{0x91}, 100)
	var bomb bytes.Buffer
	zw := gzip.NewWriter(&bomb)
	if _, err := zw.Write(make([]byte, 2*frameBytesMax)); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		data   []byte
		reason string
	}{
		"http":                 {[]byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), "malformed"},
		"four billion entries": {messageOf(tag, []byte{0xdd, 0xff, 0xff, 0xff, 0xff}), "too_large"},
		"four GB of bytes":     {messageOf(tag, []byte{0xc6, 0xff, 0xff, 0xff, 0xff}), "too_large"},
		"four GB of options":   {messageOf(tag, msgp.AppendBytes(nil, nil), []byte{0xdf, 0xff, 0xff, 0xff, 0xff}), "too_large"},
		"thirty million":       {append(messageOf(tag, []byte{0xdd, 0x01, 0xe0, 0, 0}), make([]byte, 3<<20)...), "in_flight_bytes"},
		"deep":                 {deep, "too_large"},
		"unknown byte":         {messageOf(tag, []byte{0xc1}), "malformed"},
		"no record":            {messageOf(tag, msgp.AppendInt64(nil, 5)), "malformed"},
		"record is no map":     {messageOf(tag, msgp.AppendInt64(nil, 5), []byte{0x01}), "malformed"},
		"bomb":                 {messageOf(tag, msgp.AppendBytes(nil, bomb.Bytes()), recordOf("compressed", "gzip")), "too_large"},
		"no gzip":              {messageOf(tag, msgp.AppendBytes(nil, []byte("x")), recordOf("compressed", "gzip")), "malformed"},
		"cut entries":          {messageOf(tag, msgp.AppendBytes(nil, []byte{0x92, 0x01})), "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			r := start(t)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			data := tc.data
			if name == "thirty million" { // announced, and a tenth of it sent
				r.memoryBound(t, data)
				return
			}
			if _, closed := r.send(t, data, 20*time.Second); !closed {
				t.Fatal("the connection was not closed")
			}
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > 256<<20 {
				t.Errorf("%d MiB allocated", took>>20)
			}
			if n := r.count(t, "clew_receiver_requests_total", tc.reason); n != 1 {
				t.Errorf("counted %v as %s", n, tc.reason)
			}
			// Another connection is as good as ever.
			if _, closed := r.send(t, messageOf(tag, msgp.AppendInt64(nil, 5), recordOf("log", "x")), 100*time.Millisecond); closed {
				t.Error("the next sender is not served")
			}
			r.waitRecords(t, 1)
		})
	}
}

// memoryBound sends a tenth of what is announced and leaves: no more than what was sent is held.
func (r *rig) memoryBound(t *testing.T, data []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", r.address)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write(data); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	for range 1000 {
		if r.count(t, "clew_receiver_requests_total", "incomplete") == 1 {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Error("a message that breaks off is not counted")
}

// waitRecords waits until the pipeline has taken n records.
func (r *rig) waitRecords(t *testing.T, n int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); r.sink.LogRecordCount() < n; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d records were taken, want %d", r.sink.LogRecordCount(), n)
		}
	}
}

// A bad entry is rejected by itself.
func TestBadEntry(t *testing.T) {
	r := start(t)
	good := entryOf(msgp.AppendInt64(nil, 5), recordOf("log", "good"))
	bad := entryOf(msgp.AppendString(nil, "noon"), recordOf("log", "bad"))
	list := append(append(append(msgp.AppendArrayHeader(nil, 3), good...), bad...), good...)
	if _, closed := r.send(t, messageOf(msgp.AppendString(nil, "t"), list), 500*time.Millisecond); closed {
		t.Error("the connection was closed")
	}
	r.waitRecords(t, 2)
	if n := r.count(t, "clew_receiver_records_rejected_total", "malformed"); n != 1 {
		t.Errorf("%v rejected", n)
	}
}

// A chunk is not acknowledged while the pipeline refuses; what needs no acknowledgement is offered again.
func TestRefusal(t *testing.T) {
	r := start(t)
	r.sink.setRefuse(&way.Error{Status: http.StatusTooManyRequests, Reason: "disk", WaitSeconds: 1, Err: errors.New("full")})
	plain := messageOf(msgp.AppendString(nil, "t"), msgp.AppendInt64(nil, 5), recordOf("log", "x"))
	answer, closed := r.send(t, append(plain[:len(plain):len(plain)], messageOf(msgp.AppendString(nil, "t"), msgp.AppendInt64(nil, 5), recordOf("log", "x"), recordOf("chunk", "c"))...), 300*time.Millisecond)
	if closed || len(answer) > 0 {
		t.Errorf("closed %v, answer %q: want it to wait", closed, answer)
	}
	answer, closed = r.send(t, messageOf(msgp.AppendString(nil, "t"), msgp.AppendInt64(nil, 5), recordOf("log", "x"), recordOf("chunk", "c")), time.Second)
	if !closed || len(answer) > 0 {
		t.Errorf("closed %v, answer %q: want it closed without one", closed, answer)
	}
	if n := testutil.CollectAndCount(r.reg, "clew_receiver_records_refused_total"); n != 1 {
		t.Errorf("%d reasons of refusal", n)
	}
	r.sink.setRefuse(nil)
	r.waitRecords(t, 1) // what had no acknowledgement is offered again
}

func newReader(data []byte) *bufio.Reader { return bufio.NewReader(bytes.NewReader(data)) }

// Whatever comes, reading it ends, within the memory that was asked for, and what is made of it can be stored.
func FuzzDecode(f *testing.F) {
	tag := msgp.AppendString(nil, "t")
	entry := entryOf(eventTimeOf(time.Unix(5, 6)), recordOf("log", "x", "level", "info"))
	f.Add(messageOf(tag, eventTimeOf(time.Unix(5, 6)), recordOf("log", "x"), recordOf("chunk", "c")))
	f.Add(messageOf(tag, append(msgp.AppendArrayHeader(nil, 1), entry...)))
	f.Add(messageOf(tag, msgp.AppendBytes(nil, entry), recordOf("compressed", "gzip")))
	f.Add(messageOf(tag, []byte{0xdd, 0xff, 0xff, 0xff, 0xff}))
	f.Fuzz(func(t *testing.T, data []byte) {
		ticket := way.NewBound(inFlightBytesMax).Ticket()
		defer ticket.Release()
		frame, values, err := readFrame(newReader(data), nil, ticket)
		if err != nil {
			return
		}
		if scanned, err := scanAll(frame); err != nil || scanned != values {
			t.Fatalf("a whole frame of %d values has %d: %v", values, scanned, err)
		}
		e, err := decode(frame, ticket, int64(len(frame)))
		if err != nil {
			return
		}
		if _, err := (&plog.ProtoMarshaler{}).MarshalLogs(e.logs); err != nil {
			t.Fatal(err)
		}
	})
}
