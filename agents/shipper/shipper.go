// Package shipper is the end of an agent's pipelines: an exporter that takes what a source gives it to disk before it says so, and sends it from there.
//
// Each lane (logs, spans, metrics) sends its batches in order, one at a time, to the first collector in this agent's order that works. A batch has its number
// in the call's metadata (clew-source, clew-seq), the same in every attempt: what was stored without the agent hearing of it is not stored twice. A
// collector that fails is left alone for a while, one that comes back is sent to slowly at first, and one that asks for a pause gets it.
package shipper

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"clew/agents/diskqueue"
	"clew/agents/replay"
)

// Shipper sends what is in a queue.
type Shipper struct {
	cfg     *Config
	about   About
	logger  *slog.Logger
	queue   *diskqueue.Queue
	door    *replay.Door
	pool    *pool
	clients []*client // as configured
	started time.Time
}

// New opens the queue. Nothing is sent until Run.
func New(cfg *Config, about About, logger *slog.Logger) (*Shipper, error) {
	queue, err := diskqueue.Open(diskqueue.Options{Dir: cfg.queueDir(), BytesMax: cfg.QueueBytes, Host: hostIdentity(), Logger: logger})
	if err != nil {
		return nil, err
	}
	marks := map[string][]byte{}
	for _, m := range queue.Marks() {
		marks[m.Key] = m.Value
	}
	s := &Shipper{
		cfg: cfg, about: about, logger: logger, queue: queue, door: replay.New(marks),
		pool: newPool(queue.Instance(), cfg.Collectors), started: time.Now(),
	}
	for _, address := range cfg.Collectors {
		c, err := dial(context.Background(), cfg, address)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.clients = append(s.clients, c)
	}
	return s, nil
}

// hostIdentity tells this machine from the one that a directory may have been copied from.
func hostIdentity() string {
	if id, err := os.ReadFile("/etc/machine-id"); err == nil && len(strings.TrimSpace(string(id))) > 0 {
		return strings.TrimSpace(string(id))
	}
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

// Run sends until ctx ends.
func (s *Shipper) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.queue.Run(ctx) })
	for _, lane := range diskqueue.Lanes {
		g.Go(func() error { return s.ship(ctx, lane) })
	}
	g.Go(func() error { return s.heartbeats(ctx) })
	return g.Wait()
}

// Close closes the queue and the connections.
func (s *Shipper) Close() error {
	errs := []error{s.queue.Close()}
	for _, c := range s.clients {
		errs = append(errs, c.conn.Close())
	}
	return errors.Join(errs...)
}

// ship sends a lane's batches one after the other.
func (s *Shipper) ship(ctx context.Context, lane string) error {
	for {
		b, err := s.queue.Next(ctx, lane)
		if err != nil {
			return nil // ctx has ended
		}
		s.deliver(ctx, b)
	}
}

// deliver offers a batch until a collector has taken or refused it, or ctx ends.
func (s *Shipper) deliver(ctx context.Context, b *diskqueue.Batch) {
	for doubts := 0; ctx.Err() == nil; {
		to, wait := s.pool.pick(time.Now())
		if to == nil {
			sleep(ctx, wait)
			continue
		}
		a := s.clients[to.index].export(ctx, b)
		now := time.Now()
		if ctx.Err() != nil && a.kind != accepted {
			return // it is sent again, under the same number
		}
		switch a.kind {
		case accepted:
			s.welcome(to, now)
			s.queue.Done(b, a.refused)
			if len(a.refused) > 0 {
				s.logger.Warn("a collector refused records", "collector", to.address, "lane", b.Lane, "seq", b.Seq, "refused", a.refused)
			}
			sleep(ctx, s.pool.pace(to, now, len(b.Payload)))
			return
		case refused:
			s.welcome(to, now)
			s.refuse(b, a)
			return
		case overloaded:
			s.pool.overloaded(to, now, a.after)
			s.logger.Debug("a collector asks for a pause", "collector", to.address, "after", a.after, "err", a.err)
		case doubtful:
			if doubts++; doubts >= doubtfulMax {
				s.refuse(b, a)
				return
			}
			fallthrough
		case failed:
			if s.pool.failed(to, now) {
				s.logger.Warn("a collector fails: others are tried, and it again later", "collector", to.address, "err", a.err)
			}
		}
	}
}

// refuse takes a batch out that no collector will ever take.
func (s *Shipper) refuse(b *diskqueue.Batch, a answer) {
	s.logger.Error("a collector refused a batch for good", "lane", b.Lane, "seq", b.Seq, "records", b.Records, "reason", a.reason, "err", a.err)
	s.queue.Done(b, map[string]int{a.reason: b.Records})
}

func (s *Shipper) welcome(to *standing, now time.Time) {
	if s.pool.succeeded(to, now) {
		s.logger.Info("a collector is back", "collector", to.address)
	}
}

func sleep(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
