package shipper

import (
	"context"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// shelf is what several sinks share: what was stored, by number, as a shard's owner knows it.
type shelf struct {
	mu       sync.Mutex
	last     map[string]uint64 // by source
	bodies   []string
	replayed int
	token    string // the last seen
	tenant   string
}

func newShelf() *shelf { return &shelf{last: map[string]uint64{}} }

func (s *shelf) stored() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.bodies...)
}

// sink is an OTLP server over gRPC that answers as the test says.
type sink struct {
	plogotlp.UnimplementedGRPCServer
	t       testing.TB
	shelf   *shelf
	address string
	server  *grpc.Server

	mu     sync.Mutex
	answer func(first string) (store bool, rejected int64, err error) // nil: all is well
	calls  int
}

func startSink(t testing.TB, shelf *shelf, address string) *sink {
	t.Helper()
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s := &sink{t: t, shelf: shelf, address: l.Addr().String(), server: grpc.NewServer()}
	plogotlp.RegisterGRPCServer(s.server, s)
	go func() { _ = s.server.Serve(l) }() // until it is stopped
	t.Cleanup(s.server.Stop)
	return s
}

func (s *sink) script(answer func(first string) (bool, int64, error)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *sink) called() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// Export is part of plogotlp.GRPCServer.
func (s *sink) Export(ctx context.Context, r plogotlp.ExportRequest) (plogotlp.ExportResponse, error) {
	var bodies []string
	for _, rl := range r.Logs().ResourceLogs().All() {
		for _, sl := range rl.ScopeLogs().All() {
			for _, lr := range sl.LogRecords().All() {
				bodies = append(bodies, lr.Body().Str())
			}
		}
	}
	s.mu.Lock()
	s.calls++
	answer := s.answer
	s.mu.Unlock()
	res, store, failure := plogotlp.NewExportResponse(), true, error(nil)
	if answer != nil {
		var rejected int64
		store, rejected, failure = answer(bodies[0])
		if rejected > 0 {
			res.PartialSuccess().SetRejectedLogRecords(rejected)
			res.PartialSuccess().SetErrorMessage("rejected 3 of 10 log records: 2 record_too_large")
		}
	}
	md, _ := metadata.FromIncomingContext(ctx)
	seq, err := strconv.ParseUint(md.Get(seqHeader)[0], 10, 64)
	if err != nil {
		s.t.Errorf("%s: %v", seqHeader, err)
	}
	source := md.Get(sourceHeader)[0]
	if store {
		s.shelf.mu.Lock()
		defer s.shelf.mu.Unlock()
		s.shelf.token, s.shelf.tenant = first(md.Get("authorization")), first(md.Get(tenantHeader))
		if seq <= s.shelf.last[source] {
			s.shelf.replayed++
		} else {
			s.shelf.last[source] = seq
			s.shelf.bodies = append(s.shelf.bodies, bodies...)
		}
	}
	return res, failure
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

func busy(after time.Duration) error {
	s, err := status.New(codes.ResourceExhausted, "no room").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(after)})
	if err != nil {
		panic(err) // a message of our own always encodes
	}
	return s.Err()
}

func writeFile(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
