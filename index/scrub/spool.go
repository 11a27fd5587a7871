package scrub

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
)

// Spool is what waits on a local disk for an object store. No commit names it, and the log still has its records: nothing of it is missed.
type Spool struct {
	Segments int       `json:"segments"`
	Rows     int64     `json:"rows"`
	Bytes    int64     `json:"bytes"`
	Findings []Finding `json:"findings"` // what would come to the store damaged
}

// CheckSpool reads the segments in a spool. They may be written, uploaded and removed meanwhile.
func CheckSpool(ctx context.Context, st store.Store, quick bool) (*Spool, error) {
	objects, err := st.List(ctx, segment.Prefix)
	if err != nil {
		return nil, fmt.Errorf("check the spool: %w", err)
	}
	r := &Spool{Findings: []Finding{}}
	for _, o := range objects {
		r.Bytes += o.Size
		id, ok := segment.IDOf(o.Name)
		_, indexName := segment.Names(id)
		if !ok || !strings.HasSuffix(o.Name, indexName) {
			continue // the .index is written last
		}
		seg, err := segment.Open(ctx, st, id, nil)
		if err == nil && !quick {
			err = seg.Verify(ctx)
		}
		switch {
		case err == nil:
			r.Segments++
			r.Rows += int64(seg.Info().Rows)
		case store.IsNotExist(err):
		case errors.As(err, new(*index.DamageError)), errors.As(err, new(*segment.VersionError)):
			findings, err := finding(id, err)
			if err != nil {
				return nil, err
			}
			r.Findings = append(r.Findings, findings...)
		default:
			return nil, fmt.Errorf("check the spool: segment %s: %w", id, err)
		}
	}
	return r, nil
}
