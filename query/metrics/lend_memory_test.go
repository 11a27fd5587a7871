package metrics

import (
	"math"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"clew/query/fanout"
	"clew/query/metrics/lent"
)

// What is borrowed is counted while a query has it, and what is lent until it is sent. Both are refused when all together have too much, and no count stays behind.
func TestLentMemory(t *testing.T) {
	p := randomSegments(t)
	lenders := []*Storage{storageOf(p), storageOf(p)}
	far := storageOf(p)
	far.UseReaders(coordinator(t, 3, func(i int) fanout.Lender { return lenders[i-1] }))
	nothing := func(when string) {
		t.Helper()
		// Who asked may have left before the others notice.
		for end := time.Now().Add(time.Minute); lenders[0].lentBytes.Load()+lenders[1].lentBytes.Load() != 0 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if n := far.borrowedBytes.Load(); n != 0 {
			t.Errorf("%s: %d bytes are borrowed", when, n)
		}
		for i, l := range lenders {
			if n := l.lentBytes.Load(); n != 0 {
				t.Errorf("%s: lender %d has lent %d bytes", when, i, n)
			}
		}
	}
	query := func(check func(bytes int64)) error {
		q, err := far.Querier(math.MinInt64, math.MaxInt64)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = q.Close() }()
		set := q.Select(t.Context(), false, nil, labels.MustNewMatcher(labels.MatchRegexp, "__name__", "..+"))
		check(far.borrowedBytes.Load())
		return set.Err()
	}
	free := func(int64) {}
	err := query(func(bytes int64) {
		if bytes < 100*lent.RowBytes {
			t.Errorf("only %d bytes are counted", bytes)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	nothing("after a query")

	far.borrowedBytes.Add(borrowedTogetherMax)
	if err := query(free); !lent.Refused(err) {
		t.Errorf("all have borrowed what they may: %v", err)
	}
	far.borrowedBytes.Add(-borrowedTogetherMax)
	nothing("after a refusal here")

	lenders[0].lentBytes.Add(lentTogetherMax)
	if err := query(free); !lent.Refused(err) {
		t.Errorf("a process has lent what it may: %v", err)
	}
	lenders[0].lentBytes.Add(-lentTogetherMax)
	if err := query(free); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	nothing("after a refusal elsewhere")
}
