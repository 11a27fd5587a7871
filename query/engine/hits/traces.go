package hits

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"clew/index"
	"clew/internal/telemetry"
	"clew/query/engine/rowset"
)

// TracePlace is a trace's place in the order of a search for traces: by the time of its newest span that matches, newest first, then
// by id.
type TracePlace struct {
	Time int64
	ID   telemetry.TraceID
}

// Compare orders places.
func (p TracePlace) Compare(o TracePlace) int {
	if p.Time != o.Time {
		return cmp.Compare(o.Time, p.Time)
	}
	return bytes.Compare(p.ID[:], o.ID[:])
}

// TraceCursor is a place between traces in the order of a search for traces.
type TraceCursor struct{ Last TracePlace }

const (
	// traceCursorVersion is the first byte of a trace cursor's text. It is none of Cursor's: one is not taken for the other.
	traceCursorVersion = 0x81
	traceCursorBytes   = 1 + 8 + 16
)

// String is the cursor's text, safe in URLs.
func (c *TraceCursor) String() string {
	if c == nil {
		return ""
	}
	b := binary.BigEndian.AppendUint64([]byte{traceCursorVersion}, uint64(c.Last.Time))
	return base64.RawURLEncoding.EncodeToString(append(b, c.Last.ID[:]...))
}

// ParseTraceCursor is the inverse of String. An empty text is nil: the beginning.
func ParseTraceCursor(s string) (*TraceCursor, error) {
	if s == "" {
		return nil, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil || len(b) != traceCursorBytes || b[0] != traceCursorVersion {
		return nil, fmt.Errorf("cursor %.60q: want one that an earlier answer gave", s)
	}
	return &TraceCursor{TracePlace{int64(binary.BigEndian.Uint64(b[1:])), telemetry.TraceID(b[9:])}}, nil
}

// Traces gathers the first want distinct traces after a place. It holds a few times want traces, whatever the number of rows: a trace
// that was dropped came after want others, and comes back if a newer span of it is met.
type Traces struct {
	want  int
	after *TracePlace // nil: the beginning

	full  atomic.Bool  // want traces have been found
	floor atomic.Int64 // then: no older span counts

	mu   sync.Mutex
	best map[telemetry.TraceID]int64
}

// NewTraces gathers the first want traces after a place.
func NewTraces(want int, after *TracePlace) *Traces {
	return &Traces{want: want, after: after, best: map[telemetry.TraceID]int64{}}
}

// Beyond says that a span of this time makes no difference.
func (h *Traces) Beyond(t int64) bool { return h.full.Load() && t < h.floor.Load() }

// Add takes the matching rows of a row group. ids is called only if there is a row that counts.
func (h *Traces) Add(rows rowset.Set, times []int64, ids func() (index.Bytes, error)) error {
	var (
		values index.Bytes
		err    error
		local  map[telemetry.TraceID]int64
	)
	full, floor := h.full.Load(), h.floor.Load()
	rows.Each(len(times), func(i int) bool {
		t := times[i]
		if full && t < floor || h.after != nil && t > h.after.Time {
			return true
		}
		if local == nil {
			local = map[telemetry.TraceID]int64{}
			if values, err = ids(); err != nil {
				return false
			}
		}
		id, ok := TraceIDAt(values, i)
		if !ok || h.after != nil && h.after.Compare(TracePlace{t, id}) >= 0 {
			return true
		}
		if old, seen := local[id]; !seen || t > old {
			local[id] = t
		}
		if len(local) >= 4*h.want+64 {
			full, floor = true, max(floor, cutPlaces(local, h.want))
		}
		return true
	})
	if err != nil || len(local) == 0 {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for id, t := range local {
		if old, seen := h.best[id]; !seen || t > old {
			h.best[id] = t
		}
	}
	if len(h.best) >= h.want {
		h.floor.Store(cutPlaces(h.best, h.want))
		h.full.Store(true)
	}
	return nil
}

// TraceIDAt is a row's trace id, if it has one.
func TraceIDAt(values index.Bytes, row int) (id telemetry.TraceID, ok bool) {
	v := values.At(row)
	if len(v) != len(id) || !index.IsValid(values.Valid, row) {
		return id, false
	}
	return telemetry.TraceID(v), true
}

// cutPlaces leaves the first n and returns the time of the last of them. There must be as many.
func cutPlaces(places map[telemetry.TraceID]int64, n int) int64 {
	sorted := SortedPlaces(places)
	for _, p := range sorted[n:] {
		delete(places, p.ID)
	}
	return sorted[n-1].Time
}

// SortedPlaces are places in order.
func SortedPlaces(places map[telemetry.TraceID]int64) []TracePlace {
	sorted := make([]TracePlace, 0, len(places))
	for id, t := range places {
		sorted = append(sorted, TracePlace{t, id})
	}
	slices.SortFunc(sorted, TracePlace.Compare)
	return sorted
}

// Places gives what was gathered, in order; more says that there may be others behind.
func (h *Traces) Places() (found []TracePlace, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	found = SortedPlaces(h.best)
	return found[:min(len(found), h.want)], len(found) >= h.want
}
