package shardlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// What all processes of a cluster agree on is one message in the stream of settings, in a commit's envelope: JSON, an object.
type settings struct {
	Shards int `json:"shards"`
}

// agreedShards reads the count of shards, and sets it if nobody has.
func (s *session) agreedShards(ctx context.Context, first int) (int, error) {
	n, last, err := s.shards(ctx)
	if err != nil || n > 0 {
		return n, err
	}
	if err := s.setShards(ctx, first, last); err == nil || !isWrongLast(err) {
		return first, err
	}
	// Another process was first. The server that is asked may not have its message yet.
	if n, _, err = s.shards(ctx); err == nil && n == 0 {
		err = errors.New("settings: another process is setting the count of shards")
	}
	return n, err
}

// shards returns the count and the sequence of the message that says so; 0: none does.
func (s *session) shards(ctx context.Context) (n int, sequence uint64, err error) {
	m, err := s.lastOf(ctx, settingsStream, shardsSubject)
	if err != nil || m == nil {
		return 0, 0, err
	}
	data, err := decodeCommit(m.Data)
	if err != nil {
		return 0, 0, fmt.Errorf("settings: %w", err)
	}
	var set settings
	if err := json.Unmarshal(data, &set); err != nil {
		return 0, 0, fmt.Errorf("settings: %w", err)
	}
	if set.Shards < 1 || set.Shards > shardsMax {
		return 0, 0, fmt.Errorf("settings: %d shards: want 1 to %d", set.Shards, shardsMax)
	}
	return set.Shards, m.Sequence, nil
}

func (s *session) setShards(ctx context.Context, n int, last uint64) error {
	data, err := json.Marshal(settings{Shards: n})
	if err != nil {
		return err
	}
	b, err := encodeCommit(0, data)
	if err != nil {
		return err
	}
	_, err = s.publishAfter(ctx, settingsStream, shardsSubject, last, b)
	return err
}

// SetShards changes over how many shards records are spread, for all processes: they follow within seconds. Streams of shards that are no more stay, are
// drained by their owners, and take what is still under way.
func (c *Cluster) SetShards(ctx context.Context, n int) error {
	if n < 1 || n > shardsMax {
		return fmt.Errorf("set the count of shards: %d: want 1 to %d", n, shardsMax)
	}
	s, err := c.link.wait(ctx)
	if err != nil {
		return err
	}
	// Streams first: whoever hears of the count may use them.
	if err := c.makeShards(ctx, s, n); err != nil {
		return fmt.Errorf("set the count of shards: %w", err)
	}
	_, last, err := s.shards(ctx)
	if err != nil {
		return fmt.Errorf("set the count of shards: %w", err)
	}
	if err := s.setShards(ctx, n, last); err != nil {
		if isWrongLast(err) {
			return fmt.Errorf("set the count of shards: somebody else has just changed it: %w", err)
		}
		return fmt.Errorf("set the count of shards: %w", err)
	}
	return c.look(ctx)
}

// makeShards makes the streams of shards up to n. Each new one may hold what the first was given.
func (c *Cluster) makeShards(ctx context.Context, s *session, n int) error {
	cfg := c.cfg
	cfg.Shards = n
	for i, want := range clusterStreams(cfg)[:n] {
		if i < c.ShardsStored() {
			continue
		}
		first, err := s.info(ctx, s.pubJS, logStream(0))
		if err != nil {
			return err
		}
		want.MaxBytes = first.Config.MaxBytes
		if _, err := s.ensureStream(ctx, want); err != nil {
			return err
		}
	}
	return nil
}

// look learns of a count of shards that another process has set.
func (c *Cluster) look(ctx context.Context) error {
	s, err := c.link.get()
	if err != nil {
		return err
	}
	n, _, err := s.shards(ctx)
	if err != nil || n == 0 || n == c.Shards() {
		return err
	}
	stored, err := s.storedShards(ctx, n)
	if err != nil {
		return err
	}
	c.log.Info("the count of shards has changed", "from", c.Shards(), "to", n)
	c.stored.Store(int64(max(stored, c.ShardsStored())))
	c.shards.Store(int64(n))
	select {
	case c.changed <- struct{}{}:
	default:
	}
	return nil
}

// ShardsChanged gives a value when Shards or ShardsStored has changed. It is for one listener.
func (c *Cluster) ShardsChanged() <-chan struct{} { return c.changed }

// CountStored is ShardsStored as the servers say at this moment: another process may have made shards of which this one has not heard yet.
func (c *Cluster) CountStored(ctx context.Context) (int, error) {
	s, err := c.link.get()
	if err != nil {
		return 0, err
	}
	n, err := s.storedShards(ctx, c.ShardsStored())
	if err != nil {
		return 0, fmt.Errorf("count shards: %w", err)
	}
	return n, nil
}
