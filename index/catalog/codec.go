package catalog

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"clew/internal/telemetry"
)

// VersionError says that a commit or snapshot was written in a form that this program doesn't know: it is not damaged, the
// program is too old.
type VersionError struct {
	What  string // "commit", "snapshot"
	Have  int
	Known int
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has version %d, this program knows %d: it was written by a newer one", e.What, e.Have, e.Known)
}

// Encode writes the commit as JSON, in the oldest version that can say it. A commit that could not be decoded again is refused.
func (c Commit) Encode() ([]byte, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("encode commit of shard %d: %w", c.Shard, err)
	}
	c.Version = c.LeastVersion()
	data, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("encode commit of shard %d: %w", c.Shard, err)
	}
	if len(data) > commitBytesMax {
		return nil, fmt.Errorf("encode commit of shard %d: %d bytes, at most %d are allowed", c.Shard, len(data), commitBytesMax)
	}
	return data, nil
}

// DecodeCommit reads what Encode wrote. An unknown version is a *VersionError; unknown fields, trailing bytes and impossible values are errors.
func DecodeCommit(data []byte) (Commit, error) {
	if len(data) > commitBytesMax {
		return Commit{}, fmt.Errorf("decode commit: %d bytes, at most %d are allowed", len(data), commitBytesMax)
	}
	// The version first: a newer form may have fields that would be refused here as unknown.
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return Commit{}, fmt.Errorf("decode commit: %w", err)
	}
	if head.Version < 1 || head.Version > CommitVersion {
		return Commit{}, fmt.Errorf("decode commit: %w", &VersionError{What: "commit", Have: head.Version, Known: CommitVersion})
	}
	var c Commit
	if err := decodeStrict(data, &c); err != nil {
		return Commit{}, fmt.Errorf("decode commit: %w", err)
	}
	if err := c.validate(); err != nil {
		return Commit{}, fmt.Errorf("decode commit of shard %d: %w", c.Shard, err)
	}
	return c, nil
}

func decodeStrict(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("bytes after the end at offset %d", d.InputOffset())
	}
	return nil
}

// validate checks what a commit says by itself; Catalog.Check compares it with what was before.
func (c *Commit) validate() error {
	if c.Version < 1 || c.Version > CommitVersion {
		return &VersionError{What: "commit", Have: c.Version, Known: CommitVersion}
	}
	if c.Shard < 0 || c.Shard > shardMax {
		return fmt.Errorf("shard %d: want 0 to %d", c.Shard, shardMax)
	}
	if c.Reason == "" || len(c.Reason) > reasonBytesMax {
		return fmt.Errorf("reason %.80q: want 1 to %d bytes", c.Reason, reasonBytesMax)
	}
	ids := make(map[string]bool, len(c.Added)+len(c.Removed))
	for i := range c.Added {
		s := &c.Added[i]
		if err := s.validate(); err != nil {
			return err
		}
		if s.Shard != c.Shard {
			return fmt.Errorf("segment %s: is of shard %d", s.ID, s.Shard)
		}
		if ids[s.ID] {
			return fmt.Errorf("segment %s: added twice", s.ID)
		}
		ids[s.ID] = true
	}
	for _, id := range c.Removed {
		if err := checkID(id); err != nil {
			return err
		}
		if ids[id] {
			return fmt.Errorf("segment %s: removed twice, or added and removed at once", id)
		}
		ids[id] = true
	}
	for _, id := range c.Sampled {
		if err := checkID(id); err != nil {
			return err
		}
		if ids[id] {
			return fmt.Errorf("segment %s: sampled twice, or added or removed at once", id)
		}
		ids[id] = true
	}
	if err := checkCuts(c.Cuts); err != nil {
		return err
	}
	if err := checkLosses(c.Lost, c.Version); err != nil {
		return err
	}
	if c.Deleted != nil {
		if err := checkDeleted(*c.Deleted); err != nil {
			return err
		}
	}
	if err := checkPositions(c.Positions); err != nil {
		return err
	}
	return checkSources(c.Sources)
}

func checkDeleted(d Deleted) error {
	if err := checkID(d.Job); err != nil {
		return fmt.Errorf("deletion: %w", err)
	}
	if d.Records < 0 {
		return fmt.Errorf("deletion %s: %d records: impossible", d.Job, d.Records)
	}
	return nil
}

func (s *Segment) validate() error {
	if err := checkID(s.ID); err != nil {
		return err
	}
	if s.Shard < 0 || s.Shard > shardMax {
		return fmt.Errorf("segment %s: shard %d: want 0 to %d", s.ID, s.Shard, shardMax)
	}
	if err := checkKey(s.Signal, s.Tenant); err != nil {
		return fmt.Errorf("segment %s: %w", s.ID, err)
	}
	if s.Rows <= 0 || s.Records < 0 || s.Bytes < 0 || s.Level < 0 {
		return fmt.Errorf("segment %s: %d rows, %d records, %d bytes, level %d: impossible", s.ID, s.Rows, s.Records, s.Bytes, s.Level)
	}
	if s.Resolution < 0 || s.Resolution > 0 && s.Signal != telemetry.Metrics {
		return fmt.Errorf("segment %s: %s of a resolution of %v: impossible", s.ID, s.Signal, s.Resolution)
	}
	if s.MinTime > s.MaxTime {
		return fmt.Errorf("segment %s: time from %d to %d: ends before it starts", s.ID, s.MinTime, s.MaxTime)
	}
	return nil
}

func checkID(id string) error {
	if id == "" || len(id) > idBytesMax {
		return fmt.Errorf("id %.40q: want 1 to %d characters", id, idBytesMax)
	}
	for i := range len(id) {
		switch c := id[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-', c == '.' && i > 0, c == '/' && i > 0:
		default:
			return fmt.Errorf("id %.40q: character %q at %d", id, c, i)
		}
	}
	return nil
}

func checkKey(signal telemetry.Signal, tenant string) error {
	if signal < telemetry.Spans || signal > telemetry.Metrics {
		return fmt.Errorf("signal %d: want 1 to 3", signal)
	}
	return telemetry.CheckTenant(tenant)
}

func checkPositions(positions []Position) error {
	seen := make(map[Position]bool, len(positions))
	for _, p := range positions {
		if err := checkKey(p.Signal, p.Tenant); err != nil {
			return fmt.Errorf("position %d: %w", p.Position, err)
		}
		p.Position = 0
		if seen[p] {
			return fmt.Errorf("position of %s of %s: given twice", p.Signal, p.Tenant)
		}
		seen[p] = true
	}
	return nil
}

func checkSources(sources []Source) error {
	seen := make(map[string]bool, len(sources))
	for _, s := range sources {
		if s.ID == "" || len(s.ID) > sourceIDBytesMax {
			return fmt.Errorf("source %.40q: want 1 to %d bytes", s.ID, sourceIDBytesMax)
		}
		if seen[s.ID] {
			return fmt.Errorf("source %q: given twice", s.ID)
		}
		seen[s.ID] = true
	}
	return nil
}
