package fanout

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/cespare/xxhash/v2"

	"clew/index"
	"clew/internal/points"
	"clew/internal/telemetry"
	"clew/query/fanout/frame"
	"clew/query/parts"
)

// PromQL reads a head series by series, in several steps, and all selectors of a query see the same moment. So the head's views are pinned where they are, and read from
// there: what the series are when they are new, and of their points only those that match. Metrics in segments are read where the question is.

// kindHeads is a question about views of heads.
const kindHeads = "heads"

// headsOp is a step of reading heads.
type headsOp string

const (
	headsPin      headsOp = "pin"
	headsUnpin    headsOp = "unpin"
	headsDescribe headsOp = "describe" // what new series are
	headsRead     headsOp = "read"     // rows of series
	headsSpans    headsOp = "spans"
	headsColumn   headsOp = "column" // of a part that does not grow
)

// headsQuestion is one step.
type headsQuestion struct {
	Op     headsOp
	Tenant string           `json:",omitempty"` // pin
	Signal telemetry.Signal `json:",omitempty"` // pin
	Pin    uint64           `json:",omitempty"`
	Part   int              `json:",omitempty"` // its place among the pin's parts

	Count, Reshaped int      `json:",omitempty"` // describe
	Numbers         []uint32 `json:",omitempty"` // read, spans
	Mint, Maxt      int64    `json:",omitempty"` // read
	Column, Group   int      `json:",omitempty"` // column
}

// pinned is the answer to a pin.
type pinned struct {
	Pin   uint64
	Views []pinnedView
	Lacks string `json:",omitempty"` // what the views lack
}

// pinnedView is an index.HeadView.
type pinnedView struct {
	Shard       int
	Signal      telemetry.Signal
	Epoch       uint64
	Committed   uint64
	Generations []pinnedGeneration
}

type pinnedGeneration struct {
	From, To uint64
	Part     partHead
	// Grows says that the part is read series by series.
	Grows           bool
	Head            uint64
	Count, Reshaped int
}

// described is the answer to a describe: the part has one row group.
type described struct {
	Part partHead
	Of   []uint32 // of each row, the series' number
}

// growing is a head as stored.Growing has it.
type growing interface {
	index.Part
	Head() uint64
	Series() (count, reshaped int)
	Describe(ctx context.Context, count, reshaped int) (part index.Part, of []uint32, err error)
	Read(ctx context.Context, numbers []uint32, mint, maxt int64, to points.LiveReader) error
	Spans(ctx context.Context, numbers []uint32, f func(from, to int64)) error
}

// pins are the views that other processes read.
type pins struct {
	heads parts.Heads // nil: none
	nonce uint64      // tells this process's heads from those of others
	now   func() time.Time

	mu    sync.Mutex
	last  uint64
	parts map[uint64]*pin
}

type pin struct {
	parts []index.Part
	used  time.Time
}

func newPins(heads parts.Heads, nonce uint64) *pins {
	return &pins{heads: heads, nonce: nonce, now: time.Now, last: nonce, parts: map[uint64]*pin{}}
}

var errNoPin = errors.New("the view of the head is no longer kept: ask again")

// keep pins parts.
func (p *pins) keep(all []index.Part) (uint64, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	for id, old := range p.parts {
		if now.Sub(old.used) > pinnedFor {
			delete(p.parts, id)
		}
	}
	if len(p.parts) >= pinsMax {
		return 0, fmt.Errorf("%d views of heads are being read", len(p.parts))
	}
	p.last++
	p.parts[p.last] = &pin{all, now}
	return p.last, nil
}

func (p *pins) drop(id uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.parts, id)
}

// part is a part of a pin.
func (p *pins) part(id uint64, i int) (index.Part, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pin := p.parts[id]
	if pin == nil || i < 0 || i >= len(pin.parts) {
		return nil, errNoPin
	}
	pin.used = p.now()
	return pin.parts[i], nil
}

// answer does a step.
func (p *pins) answer(ctx context.Context, q *headsQuestion, share *parts.Share, to send) (json.RawMessage, error) {
	switch q.Op {
	case headsPin:
		return p.pin(ctx, q, share)
	case headsUnpin:
		p.drop(q.Pin)
		return nil, nil
	}
	part, err := p.part(q.Pin, q.Part)
	if err != nil {
		return nil, err
	}
	if q.Op == headsColumn {
		if q.Column < 0 || q.Column >= len(part.Columns()) || q.Group < 0 || q.Group >= len(part.RowGroups()) {
			return nil, &frame.DamageError{What: "a column that a part does not have"}
		}
		c, err := columnOf(ctx, part, q.Column, q.Group)
		if err != nil {
			return nil, err
		}
		return nil, to(rowsColumns, frame.Table{Rows: c.Values.Len(), Columns: []frame.Column{c}})
	}
	g, ok := part.(growing)
	if !ok {
		return nil, &frame.DamageError{What: "a part that does not grow was asked for its series"}
	}
	if count, _ := g.Series(); slices.ContainsFunc(q.Numbers, func(n uint32) bool { return int(n) >= count }) {
		return nil, &frame.DamageError{What: "a series that a head does not have"}
	}
	switch q.Op {
	case headsDescribe:
		return describe(ctx, g, q, to)
	case headsRead:
		r := &rowsRead{}
		if err := g.Read(ctx, q.Numbers, q.Mint, q.Maxt, r); err != nil {
			return nil, err
		}
		if err := sendRows(to, rowsLive, r.rows, func(r *liveRow) int { return 48 + len(r.Chunk) + len(r.Extra) }, tableOf); err != nil {
			return nil, err
		}
		return nil, sendRows(to, rowsPoints, r.points, func(*livePoint) int { return 24 }, tableOf)
	case headsSpans:
		var spans []span
		if err := g.Spans(ctx, q.Numbers, func(from, to int64) { spans = append(spans, span{from, to}) }); err != nil {
			return nil, err
		}
		return nil, sendRows(to, rowsSpans, spans, func(*span) int { return 16 }, tableOf)
	}
	return nil, fmt.Errorf("step %.20q is not known to this version", q.Op)
}

// What the rows of a step are called.
const (
	rowsColumns = "columns"
	rowsLive    = "live"
	rowsPoints  = "points"
	rowsSpans   = "spans"
)

// pin keeps the views of the shards that are asked for.
func (p *pins) pin(ctx context.Context, q *headsQuestion, share *parts.Share) (json.RawMessage, error) {
	if err := telemetry.CheckTenant(q.Tenant); err != nil {
		return nil, err
	}
	if p.heads == nil {
		return nil, &parts.OwnerError{}
	}
	out := pinned{}
	views, err := p.heads.Heads(points.WithLive(ctx), q.Tenant, q.Signal)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out.Lacks = err.Error()
	}
	var all []index.Part
	for _, asked := range share.Shards {
		found := false
		for _, v := range views {
			if v.Shard != asked.Shard {
				continue
			}
			if v.Epoch < asked.Epoch {
				return nil, &parts.OwnerError{Shard: v.Shard, Epoch: v.Epoch}
			}
			found = true
			pv := pinnedView{Shard: v.Shard, Signal: v.Signal, Epoch: v.Epoch, Committed: v.Committed}
			for _, g := range v.Generations {
				pg := pinnedGeneration{From: g.From, To: g.To, Part: headOf(g.Part)}
				if grows, ok := g.Part.(growing); ok {
					pg.Grows, pg.Head = true, p.number(grows.Head())
					pg.Count, pg.Reshaped = grows.Series()
				}
				pv.Generations = append(pv.Generations, pg)
				all = append(all, g.Part)
			}
			out.Views = append(out.Views, pv)
		}
		if !found {
			return nil, &parts.OwnerError{Shard: asked.Shard}
		}
	}
	if out.Pin, err = p.keep(all); err != nil {
		return nil, err
	}
	return json.Marshal(out)
}

// number is a head's number as other processes know it: no head of any process has the same, but for a chance of 1 in 2^64.
func (p *pins) number(head uint64) uint64 {
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], p.nonce)
	binary.LittleEndian.PutUint64(b[8:], head)
	return xxhash.Sum64(b[:])
}

// describe sends what series are, all rows in one table.
func describe(ctx context.Context, g growing, q *headsQuestion, to send) (json.RawMessage, error) {
	part, of, err := g.Describe(ctx, q.Count, q.Reshaped)
	if err != nil {
		return nil, err
	}
	for rg, group := range part.RowGroups() {
		t := frame.Table{Rows: group.Rows}
		for col := range part.Columns() {
			c, err := columnOf(ctx, part, col, rg)
			if err != nil {
				return nil, err
			}
			t.Columns = append(t.Columns, c)
		}
		if err := to(rowsColumns, t); err != nil {
			return nil, err
		}
	}
	return json.Marshal(described{Part: headOf(part), Of: of})
}

// rowsRead gathers what a head reads.
type rowsRead struct {
	rows   []liveRow
	points []livePoint
}

// Row implements points.LiveReader.
func (r *rowsRead) Row(i int, row points.LiveRow) {
	r.rows = append(r.rows, liveRow{
		Series: i, Min: row.Min, Max: row.Max, Samples: row.Samples, Kind: row.Kind, Chunk: string(row.Chunk), Extra: string(row.Extra),
	})
}

// Number implements points.LiveReader.
func (r *rowsRead) Number(t, start int64, v float64) {
	r.rows[len(r.rows)-1].Numbers++
	r.points = append(r.points, livePoint{T: t, Start: start, V: math.Float64bits(v)})
}
