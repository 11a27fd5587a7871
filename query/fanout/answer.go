package fanout

import (
	"encoding/json"
	"fmt"

	"clew/query/engine"
	"clew/query/fanout/frame"
)

// send sends a table of rows.
type send func(rows string, t frame.Table) error

// What the rows of a partial answer are called.
const (
	rowsGroups   = "groups"
	rowsCells    = "cells"
	rowsPlaces   = "places"
	rowsFacts    = "facts"
	rowsSkeleton = "skeleton"
	rowsRecords  = "records"
)

// sendPartial sends the rows of a partial answer, in messages of about frameBytes.
func sendPartial(p *engine.Partial, to send) error {
	for _, f := range []func() error{
		func() error {
			return sendRows(to, rowsGroups, p.Groups, func(g *engine.Group) int { return 16 + len(g.Value) }, tableOf)
		},
		func() error {
			return sendRows(to, rowsCells, p.Cells, func(c *engine.SeriesCell) int { return 32 + len(c.Value) }, tableOf)
		},
		func() error {
			return sendRows(to, rowsPlaces, p.Places, func(*engine.TracePlace) int { return 32 }, tableOf)
		},
		func() error {
			return sendRows(to, rowsFacts, p.Facts, func(f *engine.SpanFacts) int { return 80 + len(f.Service) + len(f.Name) + len(f.Kind) }, tableOf)
		},
		func() error {
			return sendRows(to, rowsSkeleton, p.Skeleton, func(s *engine.SkeletonSpan) int {
				return 80 + len(s.Service) + len(s.Process) + len(s.Name) + len(s.Kind) + len(s.Status)
			}, tableOf)
		},
		func() error { return sendRows(to, rowsRecords, p.Records, sizeOfRecord, recordTable) },
	} {
		if err := f(); err != nil {
			return err
		}
	}
	return nil
}

func sizeOfRecord(r *engine.Record) int {
	n := 8
	for i := range r.Fields {
		n += 12 + len(r.Fields[i].Value.Text)
	}
	return n
}

// sendRows sends rows in pieces.
func sendRows[T any](to send, name string, rows []T, size func(*T) int, table func([]T) frame.Table) error {
	from, bytes := 0, 0
	for i := range rows {
		if bytes += size(&rows[i]); bytes >= frameBytes || i == len(rows)-1 {
			if err := to(name, table(rows[from:i+1])); err != nil {
				return err
			}
			from, bytes = i+1, 0
		}
	}
	return nil
}

// take adds rows that came to a partial answer.
func take(p *engine.Partial, rows string, t frame.Table) (err error) {
	switch rows {
	case rowsGroups:
		p.Groups, err = rowsOf(p.Groups, t)
	case rowsCells:
		p.Cells, err = rowsOf(p.Cells, t)
	case rowsPlaces:
		p.Places, err = rowsOf(p.Places, t)
	case rowsFacts:
		p.Facts, err = rowsOf(p.Facts, t)
	case rowsSkeleton:
		p.Skeleton, err = rowsOf(p.Skeleton, t)
	case rowsRecords:
		p.Records, err = appendRecords(p.Records, t)
	default:
		return fmt.Errorf("rows of an unknown kind %.20q", rows)
	}
	return err
}

// finish reads what came beside the rows.
func finish(p *engine.Partial, answer json.RawMessage) error {
	if err := json.Unmarshal(answer, p); err != nil {
		return fmt.Errorf("read an answer: %w", err)
	}
	return nil
}
