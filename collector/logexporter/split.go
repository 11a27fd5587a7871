package logexporter

import (
	"fmt"
	"time"

	"clew/collector/refusal"
	"clew/internal/telemetry"
)

// halve cuts a batch that does not fit a message into two of half the records each. It is rare (groups are closed by an estimate that
// is far below what a message holds) and so may be slow.
func halve(k key, b *telemetry.Batch, size, sizeMax int) ([]*telemetry.Batch, error) {
	tooLarge := func(what string) error {
		return &refusal.Error{Kind: refusal.TooLarge, Reason: "record_bytes", Err: fmt.Errorf("%s of %d encoded bytes does not fit a message of %d", what, size, sizeMax)}
	}
	if k.signal == telemetry.Metrics {
		return nil, tooLarge("a metric")
	}
	if b.Records < 2 {
		return nil, tooLarge("a record")
	}
	halves := [2]*telemetry.Builder{telemetry.NewBuilder(k.signal, k.tenant), telemetry.NewBuilder(k.signal, k.tenant)}
	var err error
	if k.signal == telemetry.Logs {
		err = halveLogs(b, halves)
	} else {
		err = halveSpans(b, halves)
	}
	if err != nil {
		return nil, &refusal.Error{Kind: refusal.Invalid, Reason: "encode", Err: fmt.Errorf("split %d %s: %w", b.Records, k.signal, err)}
	}
	return []*telemetry.Batch{halves[0].Build(), halves[1].Build()}, nil
}

// rowPlaces says for each row of b, in order, which of its resources (as b.Logs and b.Traces have them: one for each set, as they appear) it belongs to, and
// which of that resource's records it is. The halves keep the rows' order, which is what the log's sources count by.
func rowPlaces(b *telemetry.Batch) (resource, record []int, err error) {
	sets, err := telemetry.CellsOf(b.Rows.Column(0))
	if err != nil {
		return nil, nil, err
	}
	index := map[uint32]int{}
	var used []int
	for _, set := range sets.Codes() {
		i, ok := index[set]
		if !ok {
			i = len(used)
			index[set] = i
			used = append(used, 0)
		}
		resource = append(resource, i)
		record = append(record, used[i])
		used[i]++
	}
	return resource, record, nil
}

func halveLogs(b *telemetry.Batch, halves [2]*telemetry.Builder) error {
	ld, err := b.Logs()
	if err != nil {
		return err
	}
	resource, record, err := rowPlaces(b)
	if err != nil {
		return err
	}
	now, last := time.Now(), [2]int{-1, -1}
	for n := range resource {
		h, rl := 2*n/b.Records, ld.ResourceLogs().At(resource[n])
		sl := rl.ScopeLogs().At(0)
		if last[h] != resource[n] {
			halves[h].UseSet(rl.Resource(), rl.SchemaUrl(), sl.Scope(), sl.SchemaUrl())
			last[h] = resource[n]
		}
		halves[h].AppendLog(sl.LogRecords().At(record[n]), now)
	}
	return nil
}

func halveSpans(b *telemetry.Batch, halves [2]*telemetry.Builder) error {
	td, err := b.Traces()
	if err != nil {
		return err
	}
	resource, record, err := rowPlaces(b)
	if err != nil {
		return err
	}
	now, last := time.Now(), [2]int{-1, -1}
	for n := range resource {
		h, rs := 2*n/b.Records, td.ResourceSpans().At(resource[n])
		ss := rs.ScopeSpans().At(0)
		if last[h] != resource[n] {
			halves[h].UseSet(rs.Resource(), rs.SchemaUrl(), ss.Scope(), ss.SchemaUrl())
			last[h] = resource[n]
		}
		halves[h].AppendSpan(ss.Spans().At(record[n]), now)
	}
	return nil
}
