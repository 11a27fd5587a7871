package catalog

import (
	"bytes"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"maps"
	"slices"
)

// A snapshot is one line, "clew-catalog <version> <CRC32C of the rest, 8 hex digits>\n", and the whole state as JSON.
const (
	snapshotMagic = "clew-catalog "
	// 2 to 6 add what they added to commits. Above 4 is written what the losses need.
	snapshotVersion      = CommitVersion
	snapshotVersionPlain = commitVersionPlain
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type snapshot struct {
	Sequence uint64          `json:"sequence"`
	Shards   []snapshotShard `json:"shards"`
	Segments []*Segment      `json:"segments"`
	Deleted  []Deleted       `json:"deleted,omitempty"`
	Cuts     []Cut           `json:"cuts,omitempty"`
}

type snapshotShard struct {
	Shard     int        `json:"shard"`
	Last      uint64     `json:"last"`
	Epoch     uint64     `json:"epoch"`
	Floor     uint64     `json:"floor"`
	Positions []Position `json:"positions,omitempty"`
	Sources   []Source   `json:"sources,omitempty"`
	Lost      []Loss     `json:"lost,omitempty"`
}

// Snapshot writes the whole state, so that the commits up to Sequence can be forgotten.
func (v *Version) Snapshot() ([]byte, error) {
	s := snapshot{Sequence: v.sequence}
	for _, number := range v.Shards() {
		d := v.Shard(number)
		s.Shards = append(s.Shards, snapshotShard{
			Shard: number, Last: d.Last, Epoch: d.Epoch, Floor: d.Floor, Positions: d.Positions, Sources: d.Sources, Lost: d.Lost,
		})
	}
	s.Segments = slices.AppendSeq(make([]*Segment, 0, v.segments), v.All())
	for _, job := range slices.Sorted(maps.Keys(v.deleted)) {
		s.Deleted = append(s.Deleted, Deleted{Job: job, Records: v.deleted[job]})
	}
	s.Cuts = v.allCuts()
	return s.encode()
}

func (s *snapshot) encode() ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode snapshot of the catalog: %w", err)
	}
	version := snapshotVersionPlain
	for i := range s.Shards {
		version = max(version, lossesVersion(s.Shards[i].Lost))
	}
	line := fmt.Sprintf("%s%d %08x\n", snapshotMagic, version, crc32.Checksum(body, castagnoli))
	return append([]byte(line), body...), nil
}

// Load fills an empty catalog with a snapshot. An unknown version is a *VersionError.
func (c *Catalog) Load(data []byte) error {
	s, err := decodeSnapshot(data)
	if err != nil {
		return fmt.Errorf("load snapshot of the catalog: %w", err)
	}
	c.mu.Lock()
	old := c.current.Load()
	if old.sequence != 0 {
		c.mu.Unlock()
		return fmt.Errorf("load snapshot of the catalog: commit %d has been applied already", old.sequence)
	}
	v, byID := s.version()
	c.byID = byID
	c.publishLocked(old, v, nil)
	c.mu.Unlock()
	old.Release()
	return nil
}

// version is the version that a snapshot holds, and its segments by id.
func (s *snapshot) version() (*Version, map[string]*Segment) {
	v := &Version{sequence: s.Sequence, lists: map[listKey]*segmentList{}, shards: map[int]*shardState{}, segments: len(s.Segments)}
	byID := make(map[string]*Segment, len(s.Segments))
	for _, shard := range s.Shards {
		positions := map[posKey]uint64{}
		for _, p := range shard.Positions {
			positions[posKey{p.Signal, p.Tenant}] = p.Position
		}
		v.shards[shard.Shard] = &shardState{last: shard.Last, epoch: shard.Epoch, floor: shard.Floor, positions: positions, sources: shard.Sources, lost: shard.Lost}
	}
	for _, d := range s.Deleted {
		v.deleted = addDeleted(v.deleted, d)
	}
	v.cuts = addCuts(nil, s.Cuts)
	lists := map[listKey]*listChange{}
	tenants := map[string]string{} // one string for all segments of a tenant
	for _, segment := range s.Segments {
		if name, known := tenants[segment.Tenant]; known {
			segment.Tenant = name
		} else {
			tenants[segment.Tenant] = segment.Tenant
		}
		k := listKey{segment.Tenant, segment.Signal}
		if lists[k] == nil {
			lists[k] = &listChange{}
		}
		lists[k].add(segment)
		byID[segment.ID] = segment
	}
	for k, change := range lists {
		v.lists[k] = v.lists[k].with(change)
	}
	return v, byID
}

func decodeSnapshot(data []byte) (*snapshot, error) {
	if len(data) > snapshotBytesMax {
		return nil, fmt.Errorf("%d bytes, at most %d are allowed", len(data), snapshotBytesMax)
	}
	line, body, found := bytes.Cut(data, []byte("\n"))
	if !found || !bytes.HasPrefix(line, []byte(snapshotMagic)) {
		return nil, fmt.Errorf("it doesn't begin with %q", snapshotMagic)
	}
	var version int
	var sum uint32
	if _, err := fmt.Sscanf(string(line), snapshotMagic+"%d", &version); err != nil {
		return nil, fmt.Errorf("first line %.60q: no version", line)
	}
	if version < 1 || version > snapshotVersion {
		return nil, &VersionError{What: "snapshot", Have: version, Known: snapshotVersion}
	}
	if _, err := fmt.Sscanf(string(line), snapshotMagic+"%d %x", &version, &sum); err != nil {
		return nil, fmt.Errorf("first line %.60q: no checksum", line)
	}
	if have := crc32.Checksum(body, castagnoli); have != sum {
		return nil, fmt.Errorf("damaged: checksum is %08x, want %08x", have, sum)
	}
	var s snapshot
	if err := decodeStrict(body, &s); err != nil {
		return nil, err
	}
	return &s, s.validate()
}

func (s *snapshot) validate() error {
	shards := map[int]bool{}
	for _, shard := range s.Shards {
		if shard.Shard < 0 || shard.Shard > shardMax || shards[shard.Shard] {
			return fmt.Errorf("shard %d: impossible or given twice", shard.Shard)
		}
		shards[shard.Shard] = true
		if shard.Last > s.Sequence {
			return fmt.Errorf("shard %d: its last commit %d is after the snapshot's %d", shard.Shard, shard.Last, s.Sequence)
		}
		if err := checkPositions(shard.Positions); err != nil {
			return fmt.Errorf("shard %d: %w", shard.Shard, err)
		}
		if err := checkSources(shard.Sources); err != nil {
			return fmt.Errorf("shard %d: %w", shard.Shard, err)
		}
		if err := checkLosses(shard.Lost, snapshotVersion); err != nil {
			return fmt.Errorf("shard %d: %w", shard.Shard, err)
		}
	}
	for _, d := range s.Deleted {
		if err := checkDeleted(d); err != nil {
			return err
		}
	}
	if err := checkCuts(s.Cuts); err != nil {
		return err
	}
	ids := make(map[string]bool, len(s.Segments))
	for i, segment := range s.Segments {
		if segment == nil {
			return fmt.Errorf("segment %d: null", i)
		}
		if err := segment.validate(); err != nil {
			return err
		}
		if ids[segment.ID] {
			return fmt.Errorf("segment %s: given twice", segment.ID)
		}
		ids[segment.ID] = true
	}
	return nil
}
