package engine

import (
	"context"

	"clew/internal/telemetry"
	"clew/query/lang"
)

// instanceKeys are the resource attributes that tell one running instance of a service from another. Senders set different ones.
var instanceKeys = []string{
	"service.namespace", "service.name", "service.instance.id", "host.name", "k8s.pod.uid", "k8s.pod.name", "k8s.container.name",
	"container.id", "process.pid",
}

// Around is the records of the same service instance next to a record in time.
type Around struct {
	Before []Record // oldest first
	After  []Record // oldest first
	Stats  Stats
}

// RecordsAround gives up to before and after records on each side of record r, of the same service instance: those of equal resource
// attributes as far as they identify an instance. r's Query is not used, its times bound the search.
func (e *Engine) RecordsAround(ctx context.Context, r Request, record *Record, before, after int) (*Around, error) {
	r.Query = instanceOf(record)
	out := &Around{}
	for _, side := range []struct {
		n      int
		oldest bool
		into   *[]Record
	}{{before, false, &out.Before}, {after, true, &out.After}} {
		if side.n <= 0 {
			continue
		}
		found, err := e.Search(ctx, Search{Request: r, Limit: side.n, OldestFirst: side.oldest, Cursor: CursorAt(record)})
		if err != nil {
			return nil, err
		}
		*side.into = found.Records
		out.Stats = out.Stats.plus(found.Stats)
	}
	for i, j := 0, len(out.Before)-1; i < j; i, j = i+1, j-1 {
		out.Before[i], out.Before[j] = out.Before[j], out.Before[i]
	}
	return out, nil
}

// instanceOf is the query for the records of a record's service instance.
func instanceOf(record *Record) lang.Expr {
	var terms []lang.Expr
	for _, key := range instanceKeys {
		m := &lang.Match{Field: "resource." + key, Op: lang.OpEqual}
		if f, ok := record.Get(telemetry.LevelResource, key); ok {
			m.Value = lang.Value{Text: f.Text()}
			terms = append(terms, m)
		} else {
			m.Op, m.Value = lang.OpMatch, lang.Value{Form: lang.FormExists}
			terms = append(terms, lang.Neg(m))
		}
	}
	return lang.Conj(terms...)
}
