package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/apache/arrow/go/v15/arrow/flight"
	"google.golang.org/grpc"

	"clew/query/engine"
	"clew/query/fanout/frame"
	"clew/query/parts"
)

// Server answers the questions of other processes about shares of what this one holds. It serves Arrow Flight; a ticket is a question, and DoGet the only call.
type Server struct {
	flight.BaseFlightServer
	engine   *engine.Engine
	pins     *pins
	lender   Lender   // nil: none
	accounts Accounts // nil: none
	log      *slog.Logger

	running atomic.Int64
	counts  *serverCounts
}

// NewServer returns a server whose answers are an engine's. heads are this process's; nil: it has none.
func NewServer(e *engine.Engine, heads parts.Heads, log *slog.Logger) *Server {
	return &Server{engine: e, pins: newPins(heads, rand.Uint64()), log: log, counts: newServerCounts()}
}

// Run serves a listener until the context ends; questions that are being answered then get a moment. opts are for what concerns who may connect.
func (s *Server) Run(ctx context.Context, l net.Listener, opts ...grpc.ServerOption) error {
	opts = append([]grpc.ServerOption{grpc.MaxRecvMsgSize(questionBytesMax + 1<<20), grpc.MaxConcurrentStreams(2 * questionsMax)}, opts...)
	server := grpc.NewServer(opts...)
	flight.RegisterFlightServiceServer(server, s)
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve questions on %s: %w", l.Addr(), err)
	case <-ctx.Done():
	}
	last := time.AfterFunc(silenceMax, server.Stop)
	defer last.Stop()
	server.GracefulStop()
	if err := <-served; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve questions on %s: %w", l.Addr(), err)
	}
	return nil
}

// sender sends the messages of one answer, and between them that it is being worked on.
type sender struct {
	mu     sync.Mutex
	stream flight.FlightService_DoGetServer
}

func (s *sender) send(n note, t frame.Table) error {
	m, err := message(n, t)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stream.Send(m)
}

// alive says every now and then that the question is being worked on, until ctx ends.
func (s *sender) alive(ctx context.Context) {
	tick := time.NewTicker(aliveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			s.mu.Lock()
			err := s.stream.Send(&flight.FlightData{})
			s.mu.Unlock()
			if err != nil {
				return
			}
		}
	}
}

// DoGet answers a question.
func (s *Server) DoGet(t *flight.Ticket, stream flight.FlightService_DoGetServer) error {
	to := &sender{stream: stream}
	ctx, cancel := context.WithCancel(stream.Context())
	var alive sync.WaitGroup
	alive.Go(func() { to.alive(ctx) })
	answer, err := s.answer(ctx, t.GetTicket(), func(rows string, t frame.Table) error { return to.send(note{Rows: rows}, t) })
	cancel()
	alive.Wait()
	if err != nil {
		s.counts.failed(err)
		return to.send(note{Error: newWireError(err)}, frame.Table{})
	}
	s.counts.answered.Inc()
	return to.send(note{Answer: answer}, frame.Table{})
}

// answer reads a question and sends the rows of its answer; what is said beside them it returns.
func (s *Server) answer(ctx context.Context, data []byte, to send) (_ json.RawMessage, err error) {
	defer func() {
		if r := recover(); r != nil { // a question of another process must not end this one
			s.log.Error("question failed", "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal error: %v", r)
		}
	}()
	if s.running.Add(1) > questionsMax {
		s.running.Add(-1)
		return nil, engine.ErrBusy
	}
	defer s.running.Add(-1)
	t, err := decodeTicket(data)
	if err != nil {
		return nil, err
	}
	switch t.Kind {
	case kindRecords:
		return s.records(ctx, t, to)
	case kindHeads:
		q := &headsQuestion{}
		if err := json.Unmarshal(t.Question, q); err != nil {
			return nil, &frame.DamageError{What: "a question: " + err.Error()}
		}
		return s.pins.answer(ctx, q, t.Share, to)
	case kindMetrics:
		return s.lend(ctx, t, to)
	case kindAccounts:
		return s.account(ctx, t)
	}
	return nil, fmt.Errorf("a question of kind %.20q is not known to this version", t.Kind)
}

// records answers what an engine is asked.
func (s *Server) records(ctx context.Context, t *ticket, to send) (json.RawMessage, error) {
	q := &engine.Question{}
	if err := json.Unmarshal(t.Question, q); err != nil {
		return nil, &frame.DamageError{What: "a question: " + err.Error()}
	}
	p, err := s.engine.Answer(ctx, q, t.Share)
	if err != nil {
		return nil, err
	}
	if err := sendPartial(p, to); err != nil {
		return nil, err
	}
	return json.Marshal(p)
}

// reasonOf says in a word why a question was not answered.
func reasonOf(err error) string {
	var damage *frame.DamageError
	var stale *parts.StaleError
	var owner *parts.OwnerError
	var limit *engine.LimitError
	switch {
	case errors.As(err, &damage):
		return "damaged"
	case errors.As(err, &stale):
		return "stale"
	case errors.As(err, &owner):
		return "not_owner"
	case errors.As(err, &limit):
		return "limit"
	case errors.Is(err, engine.ErrBusy):
		return "busy"
	case errors.Is(err, errSilent):
		return "silent"
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return "canceled"
	}
	return "error"
}
