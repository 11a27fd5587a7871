// Package fluent takes log records in as fluentd and Fluent Bit forward them: the Forward protocol, version 1, over TCP, TLS or a Unix socket.
//
// A connection is a stream of MessagePack values, each a message with records. The stream is cut into messages before any of them is decoded: what a sender
// announces takes no memory, what it has sent is bounded, and a message that cannot be read ends its connection and nothing else. An acknowledgement, where
// it is asked for, is sent when the pipeline has taken every record.
package fluent

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"
	"go.uber.org/zap"
	"golang.org/x/net/netutil"

	"clew/internal/access"
	"clew/internal/receivers/way"
)

// Protocol is the name in counters and configuration.
const Protocol = "fluent"

// Type is the component's, which is that of the Collector's own receiver.
var Type = component.MustNewType("fluent_forward")

// Config says where the receiver listens: "host:port", or "unix:///path".
type Config struct {
	Endpoint string                  `mapstructure:"endpoint"`
	TLS      *configtls.ServerConfig `mapstructure:"tls"`
}

// Validate is called by the Collector.
func (c *Config) Validate() error {
	if c.Endpoint == "" {
		return errors.New("endpoint: want host:port or unix:///path")
	}
	return nil
}

// NewFactory makes the receiver's factory.
func NewFactory(m *way.Metrics, guard *access.Guard) receiver.Factory {
	return receiver.NewFactory(Type, func() component.Config { return &Config{Endpoint: "127.0.0.1:24224"} },
		receiver.WithLogs(func(_ context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
			return &server{cfg: cfg.(*Config), logger: set.Logger, next: next, metrics: m, guard: guard, memory: way.NewBound(inFlightBytesMax)}, nil
		}, component.StabilityLevelStable))
}

// server is a started receiver.
type server struct {
	cfg     *Config
	logger  *zap.Logger
	next    consumer.Logs
	metrics *way.Metrics
	guard   *access.Guard
	memory  way.Memory

	listener   net.Listener
	heartbeats net.PacketConn // fluentd asks over UDP whether somebody is there; nil with a Unix socket
	ctx        context.Context
	stop       context.CancelFunc
	running    sync.WaitGroup
}

// Start is part of component.Component.
func (s *server) Start(ctx context.Context, _ component.Host) error {
	network, address := "tcp", s.cfg.Endpoint
	if path, ok := strings.CutPrefix(address, "unix://"); ok || strings.HasPrefix(address, "/") {
		network, address = "unix", path
	}
	var err error
	if s.listener, err = net.Listen(network, address); err != nil {
		return fmt.Errorf("listen for Fluent forward: %w", err)
	}
	if network == "tcp" {
		if s.heartbeats, err = net.ListenPacket("udp", s.listener.Addr().String()); err != nil {
			s.listener.Close()
			return fmt.Errorf("listen for Fluent forward's heartbeats: %w", err)
		}
	}
	s.listener = netutil.LimitListener(s.listener, connsMax)
	if s.cfg.TLS != nil {
		config, err := s.cfg.TLS.LoadTLSConfig(ctx)
		if err != nil {
			s.listener.Close()
			s.heartbeats.Close()
			return fmt.Errorf("TLS of Fluent forward: %w", err)
		}
		s.listener = tls.NewListener(s.listener, config)
	}
	s.ctx, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(s.accept)
	if s.heartbeats != nil {
		s.running.Go(s.beat)
	}
	return nil
}

// Shutdown is part of component.Component. Messages in the pipeline are waited for.
func (s *server) Shutdown(context.Context) error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	s.listener.Close()
	if s.heartbeats != nil {
		s.heartbeats.Close()
	}
	s.running.Wait()
	return nil
}

func (s *server) accept() {
	for s.ctx.Err() == nil {
		conn, err := s.listener.Accept()
		if err != nil {
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.logger.Warn("a connection can't be accepted", zap.Error(err))
			select { // too many open files, most likely
			case <-time.After(time.Second):
			case <-s.ctx.Done():
			}
			continue
		}
		s.running.Go(func() { s.serve(conn) })
	}
}

// beat answers heartbeats.
func (s *server) beat() {
	var b [1]byte
	for {
		_, from, err := s.heartbeats.ReadFrom(b[:])
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			_, _ = s.heartbeats.WriteTo([]byte{0}, from) // an unanswered one is asked again
		}
	}
}

// serve reads a connection until it ends or sends something that cannot be read.
func (s *server) serve(conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(s.ctx, func() { _ = conn.SetReadDeadline(time.Now()) })()
	ctx, err := s.admit(conn)
	if err != nil {
		s.fail(conn, err)
		return
	}
	r := bufio.NewReaderSize(conn, readStep)
	var buf []byte
	for s.ctx.Err() == nil {
		if _, err := r.Peek(1); err != nil { // a connection may be idle for as long as it likes
			if !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrDeadlineExceeded) && !isGone(err) {
				s.metrics.Request(Protocol, "connection")
			}
			return
		}
		var err error
		if buf, err = s.message(ctx, conn, r, buf); err != nil {
			s.fail(conn, err)
			return
		}
		if cap(buf) > readStep {
			buf = nil // the next message asks for its own memory
		}
	}
}

// admit asks whose connection it is: its certificate says so, or the configuration. The context is that of its records, which Shutdown waits for.
func (s *server) admit(conn net.Conn) (context.Context, error) {
	ctx := context.WithoutCancel(s.ctx)
	if !s.guard.On() {
		return ctx, nil
	}
	address := access.Host(conn.RemoteAddr().String())
	if secure, ok := conn.(*tls.Conn); ok {
		shaking, cancel := context.WithTimeout(s.ctx, frameTimeout)
		defer cancel()
		if err := secure.HandshakeContext(shaking); err != nil {
			return ctx, err
		}
		if state := secure.ConnectionState(); len(state.VerifiedChains) > 0 {
			shown := &access.Presented{Where: Protocol, Address: address, Certificates: state.PeerCertificates}
			admitted, no := s.guard.Check(ctx, shown, access.Need{Role: access.Write})
			if no != nil {
				return ctx, way.NotAdmitted(no)
			}
			ctx = access.With(ctx, admitted)
		}
	}
	return way.Tenant(ctx, s.guard, Protocol, address)
}

// isGone says that a connection ended from the other side, which is no news.
func isGone(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

// fail counts why a connection is closed.
func (s *server) fail(conn net.Conn, err error) {
	e := &way.Error{Status: http.StatusBadRequest, Reason: "incomplete", Err: err} // the connection, not the message, is to blame
	var known *way.Error
	if errors.As(err, &known) {
		e = known
	}
	s.metrics.Request(Protocol, e.Reason)
	s.logger.Debug("a connection of Fluent forward is closed", zap.Stringer("from", conn.RemoteAddr()), zap.String("reason", e.Reason), zap.String("error", e.Message()))
}

// message reads a message, hands it to the pipeline and acknowledges it. The error ends the connection.
func (s *server) message(ctx context.Context, conn net.Conn, r *bufio.Reader, buf []byte) ([]byte, error) {
	ticket := s.memory.Ticket()
	defer ticket.Release()
	if err := s.setReadDeadline(conn, time.Now().Add(frameTimeout)); err != nil {
		return buf, err
	}
	buf, values, err := readFrame(r, buf, ticket)
	if err != nil {
		return buf, err
	}
	if err := s.setReadDeadline(conn, time.Time{}); err != nil {
		return buf, err
	}
	needed := int64(2*cap(buf)) + valueCost*int64(values)
	if err := ticket.Need(needed); err != nil {
		return buf, err
	}
	e, err := decode(buf, ticket, needed)
	if err != nil {
		return buf, err
	}
	if err := s.consume(ctx, &e); err != nil {
		return buf, err
	}
	result := "ok"
	if e.rejected > 0 {
		result = "partial"
		s.metrics.Rejected(Protocol, "malformed", e.rejected)
	}
	s.metrics.Request(Protocol, result)
	if e.chunk == "" {
		return buf, nil
	}
	if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return buf, err
	}
	_, err = conn.Write(ack(e.chunk))
	return buf, err
}

// setReadDeadline does not undo what Shutdown does.
func (s *server) setReadDeadline(conn net.Conn, t time.Time) error {
	if err := conn.SetReadDeadline(t); err != nil {
		return err
	}
	return s.ctx.Err()
}

// consume hands the records on. Whoever asks for an acknowledgement sends again without one; for the others the pipeline is asked again here.
func (s *server) consume(ctx context.Context, e *event) error {
	n := e.records.Len()
	if n == 0 {
		return nil
	}
	for deadline := time.Now().Add(retryFor); ; {
		err := s.next.ConsumeLogs(ctx, e.logs)
		if err == nil {
			s.metrics.Accepted(Protocol, n)
			return nil
		}
		refused := way.Of(err)
		later := refused.Status == http.StatusTooManyRequests || refused.Status == http.StatusServiceUnavailable
		if e.chunk != "" || !later || time.Now().After(deadline) || s.ctx.Err() != nil {
			s.metrics.Refused(Protocol, refused.Reason, n)
			return refused
		}
		select {
		case <-time.After(time.Duration(max(refused.WaitSeconds, 1)) * time.Second):
		case <-s.ctx.Done():
		}
	}
}

// ack is {"ack": chunk}.
func ack(chunk string) []byte {
	b := []byte{0x81, 0xa3, 'a', 'c', 'k', 0xdb, byte(len(chunk) >> 24), byte(len(chunk) >> 16), byte(len(chunk) >> 8), byte(len(chunk))}
	return append(b, chunk...)
}
