package fanout

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"clew/index"
	"clew/internal/points"
	"clew/internal/telemetry"
	"clew/query/fanout/frame"
	"clew/query/parts"
)

// HeadsElsewhere implements parts.Elsewhere: the views of the shards that other processes own. They are pinned there until release is called.
func (c *Coordinator) HeadsElsewhere(ctx context.Context, tenant string, signal telemetry.Signal) ([]index.HeadView, func(), error) {
	membership := c.members.Members()
	shares := map[string]*parts.Share{}
	var lacks []string
	survey := c.segments.Survey(parts.Scope{Tenant: tenant, Signal: signal, From: math.MaxInt64, To: math.MinInt64}) // of no segments
	defer survey.Release()
	for _, o := range membership.owners() {
		m, there := membership.member(o.Owner)
		switch {
		case o.Owner == membership.Self:
		case !there:
			lacks = append(lacks, missingShard(o.Shard, "it has no owner"))
		case c.suspected(m.Name):
			lacks = append(lacks, missingShard(o.Shard, fmt.Sprintf("its owner %s did not answer a moment ago", o.Owner)))
		default:
			if shares[o.Owner] == nil {
				shares[o.Owner] = &parts.Share{}
			}
			shares[o.Owner].Shards = append(shares[o.Owner].Shards, parts.ShardShare{Shard: o.Shard, Epoch: survey.Version.Shard(o.Shard).Epoch})
		}
	}
	var (
		mu    sync.Mutex
		wg    sync.WaitGroup
		views []index.HeadView
		kept  []*farPin
	)
	for name, share := range shares {
		m, _ := membership.member(name)
		wg.Go(func() {
			p := &farPin{c: c, member: m}
			got, why := p.pinOwned(ctx, tenant, signal, share)
			mu.Lock()
			defer mu.Unlock()
			lacks, views = append(lacks, why...), append(views, got...)
			if p.id != 0 {
				kept = append(kept, p)
			}
		})
	}
	wg.Wait()
	release := func() {
		for _, p := range kept {
			go p.unpin()
		}
	}
	slices.Sort(lacks)
	if len(lacks) > 0 {
		return views, release, errors.New(strings.Join(lacks, "; "))
	}
	return views, release, nil
}

// farPin is views that another process keeps.
type farPin struct {
	c      *Coordinator
	member Member
	id     uint64
}

// ask does a step.
func (p *farPin) ask(ctx context.Context, q headsQuestion, share *parts.Share, rows send) (json.RawMessage, error) {
	q.Pin = p.id
	text, err := json.Marshal(q)
	if err != nil {
		return nil, err
	}
	answer, err := p.c.nodes.ask(ctx, p.member, &ticket{Kind: kindHeads, Question: text, Share: share}, rows)
	if err != nil {
		return nil, fmt.Errorf("heads of %s: %w", p.member.Name, err)
	}
	return answer, nil
}

// pinOwned pins the views of those of the shards that the process still owns, and says what is lacking.
func (p *farPin) pinOwned(ctx context.Context, tenant string, signal telemetry.Signal, share *parts.Share) (views []index.HeadView, lacks []string) {
	for len(share.Shards) > 0 {
		views, why, err := p.pin(ctx, tenant, signal, share)
		if err == nil {
			if why != "" {
				lacks = append(lacks, fmt.Sprintf("%s: %s", p.member.Name, why))
			}
			return views, lacks
		}
		var owner *parts.OwnerError
		if errors.As(err, &owner) {
			rest := slices.DeleteFunc(slices.Clone(share.Shards), func(s parts.ShardShare) bool { return s.Shard == owner.Shard })
			if len(rest) < len(share.Shards) { // the others are there
				lacks = append(lacks, missingShard(owner.Shard, err.Error()))
				share = &parts.Share{Shards: rest}
				continue
			}
		}
		for _, asked := range share.Shards {
			lacks = append(lacks, missingShard(asked.Shard, err.Error()))
		}
		var told *toldError
		if ctx.Err() == nil && owner == nil && !errors.As(err, &told) {
			p.c.suspect(p.member.Name, err)
		}
		break
	}
	return nil, lacks
}

func (p *farPin) pin(ctx context.Context, tenant string, signal telemetry.Signal, share *parts.Share) (views []index.HeadView, lacks string, err error) {
	answer, err := p.ask(ctx, headsQuestion{Op: headsPin, Tenant: tenant, Signal: signal}, share, nil)
	if err != nil {
		return nil, "", err
	}
	var got pinned
	if err := json.Unmarshal(answer, &got); err != nil {
		return nil, "", &frame.DamageError{What: "views of heads: " + err.Error()}
	}
	p.id = got.Pin
	n := 0
	for _, v := range got.Views {
		view := index.HeadView{Shard: v.Shard, Signal: v.Signal, Epoch: v.Epoch, Committed: v.Committed}
		for _, g := range v.Generations {
			view.Generations = append(view.Generations, index.Generation{From: g.From, To: g.To, Part: p.part(n, &g)})
			n++
		}
		views = append(views, view)
	}
	return views, got.Lacks, nil
}

// unpin gives the views up. If it does not arrive they are given up after a while.
func (p *farPin) unpin() {
	ctx, cancel := context.WithTimeout(context.Background(), silenceMax)
	defer cancel()
	_, _ = p.ask(ctx, headsQuestion{Op: headsUnpin}, &parts.Share{}, nil)
}

// part is the i-th part of the views.
func (p *farPin) part(i int, g *pinnedGeneration) index.Part {
	far := &farPart{partHead: g.Part, read: func(ctx context.Context, col, rg int) (c frame.Column, err error) {
		found := false
		_, err = p.ask(ctx, headsQuestion{Op: headsColumn, Part: i, Column: col, Group: rg}, &parts.Share{}, func(_ string, t frame.Table) error {
			if len(t.Columns) == 1 {
				c, found = t.Columns[0], true
			}
			return nil
		})
		if err == nil && !found {
			err = &frame.DamageError{What: "no column"}
		}
		return c, err
	}}
	if !g.Grows {
		return far
	}
	return &farHead{farPart: far, pin: p, place: i, head: g.Head, count: g.Count, reshaped: g.Reshaped}
}

// farHead is a head of metrics of another process, at a moment. It is a stored.Growing.
type farHead struct {
	*farPart
	pin             *farPin
	place           int
	head            uint64
	count, reshaped int
}

var _ growing = (*farHead)(nil)

// Head implements stored.Growing.
func (h *farHead) Head() uint64 { return h.head }

// Series implements stored.Growing.
func (h *farHead) Series() (count, reshaped int) { return h.count, h.reshaped }

// Describe implements stored.Growing.
func (h *farHead) Describe(ctx context.Context, count, reshaped int) (index.Part, []uint32, error) {
	var tables []frame.Table
	q := headsQuestion{Op: headsDescribe, Part: h.place, Count: count, Reshaped: reshaped}
	answer, err := h.pin.ask(ctx, q, &parts.Share{}, func(_ string, t frame.Table) error {
		tables = append(tables, t)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	var got described
	if err := json.Unmarshal(answer, &got); err != nil {
		return nil, nil, &frame.DamageError{What: "a description of series: " + err.Error()}
	}
	part := &farPart{partHead: got.Part, read: func(_ context.Context, col, rg int) (frame.Column, error) {
		if rg >= len(tables) || col >= len(tables[rg].Columns) {
			return frame.Column{}, &frame.DamageError{What: "a description of series without all its columns"}
		}
		return tables[rg].Columns[col], nil
	}}
	return part, got.Of, nil
}

// Read implements stored.Growing.
func (h *farHead) Read(ctx context.Context, numbers []uint32, mint, maxt int64, to points.LiveReader) error {
	if len(numbers) == 0 {
		return nil
	}
	var rows []liveRow
	var numeric []livePoint
	q := headsQuestion{Op: headsRead, Part: h.place, Numbers: numbers, Mint: mint, Maxt: maxt}
	_, err := h.pin.ask(ctx, q, &parts.Share{}, func(kind string, t frame.Table) (err error) {
		switch kind {
		case rowsLive:
			rows, err = rowsOf(rows, t)
		case rowsPoints:
			numeric, err = rowsOf(numeric, t)
		}
		return err
	})
	if err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		if r.Series < 0 || r.Series >= len(numbers) || r.Numbers < 0 || r.Numbers > len(numeric) || r.Kind != "" && r.Numbers > 0 {
			return &frame.DamageError{What: "a row of a series that was not asked for"}
		}
		to.Row(r.Series, points.LiveRow{Min: r.Min, Max: r.Max, Samples: max(0, r.Samples), Kind: r.Kind, Chunk: []byte(r.Chunk), Extra: []byte(r.Extra)})
		for _, n := range numeric[:r.Numbers] {
			to.Number(n.T, n.Start, math.Float64frombits(n.V))
		}
		numeric = numeric[r.Numbers:]
	}
	return nil
}

// Spans implements stored.Growing.
func (h *farHead) Spans(ctx context.Context, numbers []uint32, f func(from, to int64)) error {
	var spans []span
	_, err := h.pin.ask(ctx, headsQuestion{Op: headsSpans, Part: h.place, Numbers: numbers}, &parts.Share{}, func(_ string, t frame.Table) (err error) {
		spans, err = rowsOf(spans, t)
		return err
	})
	for _, s := range spans {
		f(s.From, s.To)
	}
	return err
}
