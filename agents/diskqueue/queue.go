// Package diskqueue keeps an agent's telemetry on disk until a collector has acknowledged it.
//
// A source's entry is fsynced before Put returns, so the source may forget it: a log file's checkpoint comes after. There is a lane per signal, and in each
// the order of arrival. Entries are taken in batches, and each batch has a number (1, 2, 3, ... per lane) that is on disk with it: a batch that is sent
// again, after a restart or to another collector, has the same number and the same contents, by which the receiving side knows it.
//
// The queue is bounded in bytes. Sources that can wait (files, the journal) wait at nine tenths of it. For those that cannot, the oldest batch of metrics
// goes, then of spans, counted with its reason; what still finds no room is refused. Log records in the queue are never dropped for others: their files'
// checkpoints have passed them.
package diskqueue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Lanes are the names of the lanes: what a source id ends with.
var Lanes = []string{"logs", "spans", "metrics"}

// dropOrder is whose oldest batches go first when there is no room: a metric's next point says most of what the lost one did.
var dropOrder = []string{"metrics", "spans"}

// Options say how to open a queue.
type Options struct {
	Dir      string
	BytesMax int64 // of entries; the logs' files take up to 36 MB more
	// Host is what tells this machine from another. A directory copied to another host gets an identity of its own: two agents must not number the same source.
	Host   string
	Logger *slog.Logger
	Now    func() time.Time // nil: time.Now
	// FreeBytes is how much the disk has left; nil asks the system.
	FreeBytes func(dir string) (int64, error)
}

// Queue is open between Open and Close. All methods may be called concurrently.
type Queue struct {
	dir       string
	bytesMax  int64
	host      string
	logger    *slog.Logger
	now       func() time.Time
	freeBytes func(string) (int64, error)
	lanes     map[string]*lane
	locked    *os.File

	checkpointing sync.Mutex

	mu       sync.Mutex
	instance string
	accounts accounts
	marks    map[string]mark
	marksSeq uint64
	bytes    int64 // in the queue, and reserved by entries on their way
	diskFull bool
	// held are the entries that wait for room, heldFor why the last of them does, and heldSince since when there is one.
	held      int
	heldFor   string
	heldSince time.Time
	dirty     bool
	room      chan struct{} // closed and replaced when bytes went down
}

// mark is a value and when it was set, in order.
type mark struct {
	value []byte
	at    uint64
}

// FullError is a refusal at the door; the source may try again.
type FullError struct {
	Reason string // ReasonFull or ReasonDisk
}

func (e *FullError) Error() string { return "the agent's queue takes nothing more: " + e.Reason }

// ErrLarge refuses an entry that no collector would take. It is not worth trying again.
var ErrLarge = fmt.Errorf("an entry of more than %d MB", entryBytesMax>>20)

// Open opens or makes the queue in a directory. Damage is not an error: what cannot be read is logged and counted as dropped, and the queue gets a new
// identity, since the numbers given out last may be unknown.
func Open(o Options) (*Queue, error) {
	if o.BytesMax < BytesMaxMin {
		return nil, fmt.Errorf("open queue %s: %d bytes: want at least %d", o.Dir, o.BytesMax, BytesMaxMin)
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("open queue: %w", err)
	}
	q := &Queue{
		dir: o.Dir, bytesMax: o.BytesMax, host: o.Host, logger: o.Logger, now: o.Now, freeBytes: o.FreeBytes,
		lanes: map[string]*lane{}, accounts: accounts{}, marks: map[string]mark{}, room: make(chan struct{}),
	}
	if q.now == nil {
		q.now = time.Now
	}
	if q.freeBytes == nil {
		q.freeBytes = freeBytes
	}
	var err error
	if q.locked, err = lock(o.Dir); err != nil {
		return nil, err
	}
	if err := q.recover(); err != nil {
		return nil, errors.Join(err, q.closeLogs())
	}
	return q, nil
}

func freeBytes(dir string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * s.Bsize, nil
}

// Run writes down progress, gives disk space back, and watches the disk, until ctx ends.
func (q *Queue) Run(ctx context.Context) error {
	tick := time.NewTicker(checkpointEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		q.watchDisk()
		if err := q.Checkpoint(); err != nil {
			q.logger.Error("the queue's progress cannot be written down: after a restart what was acknowledged is sent again", "err", err)
		}
	}
}

func (q *Queue) watchDisk() {
	free, err := q.freeBytes(q.dir)
	full := err == nil && free < freeBytesMin
	q.mu.Lock()
	was := q.diskFull
	q.diskFull = full
	if was && !full {
		q.roomLocked()
	}
	q.mu.Unlock()
	if full && !was {
		q.logger.Warn("the disk is almost full: the queue takes little more than collectors take off it", "dir", q.dir, "free", free)
	}
}

// Put makes an entry durable. It returns nil once that is so. A source that waits is kept waiting for room until ctx ends, and then let in; any other
// gets a *FullError.
func (q *Queue) Put(ctx context.Context, laneName string, e Entry) error {
	l := q.lanes[laneName]
	if l == nil {
		return fmt.Errorf("queue has no lane %q", laneName)
	}
	if e.records() == 0 || len(e.Payload) == 0 {
		return nil
	}
	if len(e.Payload) > entryBytesMax {
		q.door(l, e, ReasonLarge, true)
		return ErrLarge
	}
	packed, err := pack(e.Payload)
	if err != nil {
		return fmt.Errorf("compress an entry: %w", err)
	}
	// The header's size is not known yet; the difference is settled once it is.
	reserved := int64(len(packed))
	if err := q.reserve(ctx, l, e, reserved); err != nil {
		return err
	}
	p := &put{stored: &stored{raw: len(e.Payload), tallies: e.Tallies, marks: e.Marks, packed: packed}}
	err = l.write(q, p)
	for e.Waits && err != nil && ctx.Err() == nil {
		// A file's reader goes on behind what it could not deliver: while it can be kept waiting, nothing is lost.
		q.logger.Error("the queue's log cannot be written; its sources wait", "lane", laneName, "err", err)
		select {
		case <-ctx.Done():
		case <-time.After(reopenAfter):
			p.done = false
			err = l.write(q, p)
		}
	}
	q.mu.Lock()
	q.bytes += p.size - reserved
	if err != nil {
		q.bytes -= p.size
		q.roomLocked()
	}
	q.mu.Unlock()
	if err != nil {
		q.door(l, e, ReasonBroken, e.Waits)
	}
	return err
}

// door counts an entry that is not taken: dropped if nobody will bring it again, else refused.
func (q *Queue) door(l *lane, e Entry, reason string, lost bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dirty = true
	for _, t := range e.Tallies {
		c := q.accounts.of(l.name, t.Origin)
		c.Read += uint64(t.Records)
		if lost || t.Kind == "syslog" || t.Kind == "host" || t.Kind == "prometheus" {
			add(&c.Dropped, reason, t.Records) // these don't ask again
		} else {
			add(&c.Refused, reason, t.Records)
		}
	}
}

// reserve finds room for n bytes.
func (q *Queue) reserve(ctx context.Context, l *lane, e Entry, n int64) error {
	holding := false
	for {
		q.mu.Lock()
		limit := q.bytesMax
		if e.Waits {
			limit = int64(waitingShare * float64(limit))
		}
		reason := ReasonFull
		if e.Waits && ctx.Err() != nil {
			// The agent stops, and a file's reader would go on behind what it could not deliver: this much more is taken.
			limit = q.bytes + n
		}
		if q.diskFull {
			limit, reason = fullDiskBytes, ReasonDisk
		}
		fits := q.bytes+n <= limit
		for !fits && !e.Waits && !q.diskFull && n < limit && q.dropOldestLocked() {
			fits = q.bytes+n <= limit
		}
		if fits {
			q.bytes += n
			q.mu.Unlock()
			return nil
		}
		room := q.room
		if !e.Waits || ctx.Err() != nil {
			q.mu.Unlock()
			q.door(l, e, reason, e.Waits)
			return &FullError{reason}
		}
		if !holding {
			holding = true
			if q.held++; q.held == 1 {
				q.heldSince = q.now()
			}
			defer q.letGo()
		}
		q.heldFor = reason
		q.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-room:
		}
	}
}

// letGo says that an entry waits no more.
func (q *Queue) letGo() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.held--
}

// Held says why and since when sources are kept waiting for room; empty if none is.
func (q *Queue) Held() (reason string, since time.Time) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.held == 0 {
		return "", time.Time{}
	}
	return q.heldFor, q.heldSince
}

func (q *Queue) dropOldestLocked() bool {
	for _, name := range dropOrder {
		if q.lanes[name].dropLocked(q) {
			q.dirty = true
			return true
		}
	}
	return false
}

func (q *Queue) roomLocked() {
	close(q.room)
	q.room = make(chan struct{})
}

// countQueuedLocked adds an entry that is in a log to the counts and marks.
func (q *Queue) countQueuedLocked(l *lane, s *stored) {
	q.dirty = true
	for _, t := range s.tallies {
		c := q.accounts.of(l.name, t.Origin)
		c.Read += uint64(t.Records)
		c.Queued += uint64(t.Records)
	}
	for _, m := range s.marks {
		q.markLocked(m.Key, m.Value)
	}
}

func (q *Queue) markLocked(key string, value []byte) {
	q.marksSeq++
	q.marks[key] = mark{slices.Clone(value), q.marksSeq}
	if len(q.marks) > marksMax+marksMax/8 {
		for _, k := range q.marksByAgeLocked()[:marksMax/8] {
			delete(q.marks, k)
		}
	}
}

func (q *Queue) marksByAgeLocked() []string {
	return slices.SortedFunc(maps.Keys(q.marks), func(a, b string) int { return int(q.marks[a].at) - int(q.marks[b].at) })
}

// Marks are the values that were set last, oldest first.
func (q *Queue) Marks() []Mark {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.marksLocked()
}

func (q *Queue) marksLocked() []Mark {
	list := make([]Mark, 0, len(q.marks))
	for _, k := range q.marksByAgeLocked() {
		list = append(list, Mark{k, q.marks[k].value})
	}
	return list
}

// CountReplayed counts records that a source has brought a second time and that were recognised.
func (q *Queue) CountReplayed(laneName string, tallies []Tally) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dirty = true
	for _, t := range tallies {
		q.accounts.of(laneName, t.Origin).Replayed += uint64(t.Records)
	}
}

// CountDropped counts records that were read and left out on their way to the queue. After kill -9 the counts of the last checkpointEvery may be missing:
// no entry stands for them.
func (q *Queue) CountDropped(laneName, reason string, tallies []Tally) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.dirty = true
	for _, t := range tallies {
		c := q.accounts.of(laneName, t.Origin)
		c.Read += uint64(t.Records)
		add(&c.Dropped, reason, t.Records)
	}
}

// Next waits for the oldest batch of a lane. The same batch comes again until Done is called with it; one at a time.
func (q *Queue) Next(ctx context.Context, laneName string) (*Batch, error) {
	l := q.lanes[laneName]
	for {
		b, retry, err := l.take(ctx, q)
		if err != nil {
			return nil, err
		}
		payload, read := l.load(q, b)
		out := &Batch{
			Lane: laneName, Source: q.Instance() + "/" + laneName, Seq: b.seq, Payload: payload, QueuedAt: b.queuedAt, Retry: retry, b: b, read: read,
		}
		for _, t := range read {
			out.Records += t.Records
		}
		if out.Records > 0 {
			return out, nil
		}
		q.Done(out, nil) // all of it is damaged
	}
}

// Done takes a batch out of the queue: it is acknowledged, but for the refused, by reason.
func (q *Queue) Done(b *Batch, refused map[string]int) {
	l := q.lanes[b.Lane]
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(l.batches) == 0 || l.batches[0] != b.b {
		return // done already
	}
	q.dirty = true
	left := slices.Clone(b.read)
	for _, reason := range slices.Sorted(maps.Keys(refused)) {
		for i, n := range share(refused[reason], left) {
			add(&q.accounts.of(b.Lane, left[i].Origin).Refused, reason, n)
			left[i].Records -= n
		}
	}
	for _, t := range left {
		q.accounts.of(b.Lane, t.Origin).Acked += uint64(t.Records)
	}
	// What memory knows of and the disk did not give back.
	for _, t := range b.b.tallies {
		lost := t.Records
		for _, r := range b.read {
			if r.Origin == t.Origin {
				lost -= r.Records
			}
		}
		add(&q.accounts.of(b.Lane, t.Origin).Dropped, ReasonDamaged, lost)
	}
	if b.Records == 0 {
		l.gaps = append(l.gaps, Gap{b.Seq, b.Seq, b.b.records(), ReasonDamaged})
		l.gaps = l.gaps[max(0, len(l.gaps)-gapsMax):]
	}
	l.removeLocked(q, 0)
}

// Instance is this agent's id, [a-z0-9]{24}, as long as its directory and its host stay.
func (q *Queue) Instance() string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.instance
}

// LaneStatus says where a lane stands.
type LaneStatus struct {
	Lane    string
	LastSeq uint64    // the last number given out
	Waiting int       // records in the queue, in flight too
	Bytes   int64     // of them, on disk
	Oldest  time.Time // when the oldest of them was queued; zero if there is none
	Gaps    []Gap     // the latest numbers that were never sent
}

// Status describes the lanes in the order of Lanes, and the counts of all sources.
func (q *Queue) Status() (lanes []LaneStatus, sources []Source) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, name := range Lanes {
		l := q.lanes[name]
		s := LaneStatus{Lane: name, LastSeq: l.seq, Gaps: slices.Clone(l.gaps)}
		for _, b := range l.batches {
			s.Waiting += b.records()
			s.Bytes += b.bytes
		}
		if len(l.batches) > 0 {
			s.Oldest = l.batches[0].queuedAt
		}
		lanes = append(lanes, s)
	}
	return lanes, q.accounts.list()
}

// Bytes is how much the queue holds and may hold.
func (q *Queue) Bytes() (have, most int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.bytes, q.bytesMax
}

// Close writes down progress and closes the logs. Nothing may be put or taken any more.
func (q *Queue) Close() error {
	return errors.Join(q.Checkpoint(), q.closeLogs())
}

func (q *Queue) closeLogs() error {
	errs := []error{q.locked.Close()}
	for _, l := range q.lanes {
		l.commit.Lock()
		if l.log != nil {
			errs = append(errs, l.log.close())
			l.log = nil
			l.retryAt = q.now().Add(time.Hour) // closed is closed
		}
		l.commit.Unlock()
	}
	return errors.Join(errs...)
}

func (q *Queue) lanePath(name string) string { return filepath.Join(q.dir, name) }
