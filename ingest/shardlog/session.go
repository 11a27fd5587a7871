package shardlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// session is one life of the connection to NATS. It ends when the embedded server is restarted or closed; what runs on it
// then goes on with the next session, or gives up.
type session struct {
	// pub carries appends, commits, leases and API requests, sub what readers get: a connection within the process has no buffer,
	// and large messages one way would hold up the other.
	// Across a network, they are two connections for the same reason.
	pub, sub     *nats.Conn
	pubJS, subJS jetstream.JetStream
	ended        chan struct{}
	// failure asks the server why stream takes no more writes, nil if it does.
	failure func(stream string) error
	timing  timing
	// stuck is the first failure found: appends and commits are refused until the next session.
	stuck atomic.Pointer[streamFailedError]
}

func connect(opts []nats.Option, timing timing, failure func(stream string) error) (*session, error) {
	s := &session{ended: make(chan struct{}), failure: failure, timing: timing}
	var err error
	if s.pub, s.pubJS, err = dial(opts, timing.api); err != nil {
		return nil, err
	}
	if s.sub, s.subJS, err = dial(opts, timing.api); err != nil {
		s.pub.Close()
		return nil, err
	}
	return s, nil
}

func dial(opts []nats.Option, apiTimeout time.Duration) (*nats.Conn, jetstream.JetStream, error) {
	nc, err := nats.Connect("", opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to NATS: %w", err)
	}
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(apiTimeout))
	if err != nil {
		nc.Close()
		return nil, nil, fmt.Errorf("connect to JetStream: %w", err)
	}
	return nc, js, nil
}

// end closes the connections. It is called once.
func (s *session) end() {
	close(s.ended)
	s.pub.Close()
	s.sub.Close()
}

// connected waits a little for the connection. Without one nothing is sent: the client keeps nothing for later.
func (s *session) connected(ctx context.Context) error {
	for deadline := time.Now().Add(s.timing.away); !s.pub.IsConnected(); {
		if s.timing.away == 0 || ctx.Err() != nil || time.Now().After(deadline) {
			return &FullError{Reason: ReasonAway, RetryAfter: retryAfterAway, Detail: "there is no connection to NATS"}
		}
		pause(ctx, reconnectWait)
	}
	return nil
}

// publish sends one message and waits until the stream has it. Errors: ErrUnknown; *jetstream.APIError (refused, nothing was
// written); *streamFailedError, *FullError (nothing was sent). data must not be changed after an ErrUnknown.
func (s *session) publish(ctx context.Context, stream string, m *nats.Msg, opts ...jetstream.PublishOpt) (uint64, error) {
	if stuck := s.stuck.Load(); stuck != nil {
		return 0, stuck
	}
	if err := s.connected(ctx); err != nil {
		return 0, err
	}
	if n := s.timing.away; n > 0 {
		opts = append(opts, jetstream.WithRetryWait(reconnectWait), jetstream.WithRetryAttempts(int(n/reconnectWait)))
	}
	ack, err := s.pubJS.PublishMsgAsync(m, opts...)
	if err != nil {
		return 0, fmt.Errorf("publish to %s: %w: %w", stream, ErrUnknown, err)
	}
	deadline := time.NewTimer(s.timing.ack)
	defer deadline.Stop()
	check := time.NewTicker(stuckCheckAfter)
	defer check.Stop()
	for {
		select {
		case a := <-ack.Ok():
			return a.Sequence, nil
		case err := <-ack.Err():
			var api *jetstream.APIError
			if errors.As(err, &api) {
				return 0, api
			}
			if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrNoStreamResponse) {
				// Nobody took it, at none of the tries: nothing is written.
				return 0, &FullError{Reason: ReasonAway, RetryAfter: retryAfterAway, Detail: "stream " + stream + " has no leader"}
			}
			return 0, fmt.Errorf("publish to %s: %w: %w", stream, ErrUnknown, err)
		case <-check.C:
			if err := s.check(stream); err != nil {
				return 0, fmt.Errorf("publish to %s: %w: %w", stream, ErrUnknown, err)
			}
		case <-deadline.C:
			return 0, fmt.Errorf("publish to %s: %w: nothing in %s", stream, ErrUnknown, s.timing.ack)
		case <-s.ended:
			return 0, fmt.Errorf("publish to %s: %w: the connection has ended", stream, ErrUnknown)
		case <-ctx.Done():
			return 0, fmt.Errorf("publish to %s: %w: %w", stream, ErrUnknown, ctx.Err())
		}
	}
}

// check returns and notes why a stream takes no more writes, nil if it does.
func (s *session) check(stream string) error {
	err := s.failure(stream)
	if err == nil {
		return nil
	}
	failed := &streamFailedError{stream: stream, cause: err}
	s.stuck.CompareAndSwap(nil, failed)
	return failed
}

// streamFailedError says that a stream takes no writes since one failed.
type streamFailedError struct {
	stream string
	cause  error
}

func (e *streamFailedError) Error() string {
	return fmt.Sprintf("stream %s takes no writes until NATS is restarted: %v", e.stream, e.cause)
}

// link holds the current session, and lets others wait for the next.
type link struct {
	mu      sync.Mutex
	current *session      // nil while there is none
	changed chan struct{} // closed at the next change
	closed  bool
}

func newLink(s *session) *link {
	return &link{current: s, changed: make(chan struct{})}
}

// get returns the current session. Errors: *FullError while the log is restarting, ErrClosed.
func (l *link) get() (*session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, ErrClosed
	}
	if l.current == nil {
		return nil, &FullError{Reason: ReasonDisk, RetryAfter: retryAfterRestart, Detail: "NATS is being restarted after a failed write"}
	}
	return l.current, nil
}

// wait returns the current session as soon as there is one.
func (l *link) wait(ctx context.Context) (*session, error) {
	for {
		l.mu.Lock()
		s, changed, closed := l.current, l.changed, l.closed
		l.mu.Unlock()
		if closed {
			return nil, ErrClosed
		}
		if s != nil {
			return s, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// swap makes s (or nil) the current session and ends the one before. It returns false when the link is closed.
func (l *link) swap(s *session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.swapLocked(s)
	return true
}

func (l *link) swapLocked(s *session) {
	if l.current != nil {
		l.current.end()
	}
	l.current = s
	close(l.changed)
	l.changed = make(chan struct{})
}

// close ends the current session and lets no other follow. It returns false when that was done before.
func (l *link) close() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return false
	}
	l.closed = true
	l.swapLocked(nil)
	return true
}

// pause waits for d, or less when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
