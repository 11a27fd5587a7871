package deletion

import (
	"slices"
	"testing"
	"time"

	"clew/index/store"
)

func putPart(t *testing.T, st store.Store, p Part) {
	t.Helper()
	p.Version = Version
	if err := p.Put(t.Context(), st); err != nil {
		t.Fatal(err)
	}
}

// Of two parts of a shard the first one counts; a deletion's parts are not another's whose id begins alike; what is left is what has no part, of the shards that the request
// knew and those that came later.
func TestParts(t *testing.T) {
	ctx, st := t.Context(), openStore(t)
	now := time.Unix(1_790_000_000, 0).UTC()
	for _, id := range []string{"a", "a.1", "ab"} {
		r := request(id)
		r.Shards = 3
		if err := r.Put(ctx, st); err != nil {
			t.Fatal(err)
		}
	}
	putPart(t, st, Part{ID: "a", Shard: 2, Epoch: 9, Finished: now.Add(time.Second)})
	putPart(t, st, Part{ID: "a", Shard: 2, Epoch: 7, Finished: now, Damaged: []string{"x"}})
	putPart(t, st, Part{ID: "a", Shard: 0, Epoch: 5, Finished: now, Sequence: 12})
	putPart(t, st, Part{ID: "ab", Shard: 1, Epoch: 5, Finished: now})
	putPart(t, st, Part{ID: "a.1", Shard: 1, Epoch: 5, Finished: now})
	parts, err := Parts(ctx, st, "a")
	if err != nil || len(parts) != 2 || parts[0].Sequence != 12 || parts[1].Epoch != 7 || len(parts[1].Damaged) != 1 {
		t.Fatalf("%+v, %v", parts, err)
	}
	s, found, err := Get(ctx, st, "a")
	if err != nil || !found || !slices.Equal(s.Parts, []int{0, 2}) {
		t.Fatalf("%+v, %v, %v", s, found, err)
	}
	if left := s.Left(2); !slices.Equal(left, []int{1}) {
		t.Errorf("left %v of 2 and the request's 3", left)
	}
	if left := s.Left(5); !slices.Equal(left, []int{1, 3, 4}) {
		t.Errorf("left %v of 5", left)
	}
	if _, found, err := Get(ctx, st, "b"); found || err != nil {
		t.Errorf("found what is not there: %v", err)
	}
	if a, err := Read(ctx, st); err != nil || len(a.Objects) != 8 || len(a.Findings) != 0 || a.Waiting != 3 {
		t.Errorf("%+v, %v", a, err)
	}
	putPart(t, st, Part{ID: "gone", Shard: 1, Finished: now})
	if a, err := Read(ctx, st); err != nil || len(a.Findings) != 1 {
		t.Errorf("a part without its request: %+v, %v", a, err)
	}
}

// What a shard did after a time is to be done again, whether or not all of the deletion was done.
func TestReopenParts(t *testing.T) {
	ctx, st := t.Context(), openStore(t)
	since := time.Unix(1_790_000_000, 0).UTC()
	r := request("a")
	r.Shards = 2
	if err := r.Put(ctx, st); err != nil {
		t.Fatal(err)
	}
	putPart(t, st, Part{ID: "a", Shard: 0, Finished: since.Add(-time.Second)})
	putPart(t, st, Part{ID: "a", Shard: 1, Finished: since.Add(time.Second)})
	if err := (&Outcome{Version: Version, ID: "a", Finished: since.Add(time.Second)}).Put(ctx, st); err != nil {
		t.Fatal(err)
	}
	if moved, err := Reopen(ctx, st, since); err != nil || len(moved) != 2 {
		t.Errorf("moved %v, %v", moved, err)
	}
	s, _, err := Get(ctx, st, "a")
	if err != nil || s.Outcome != nil || !slices.Equal(s.Parts, []int{0}) {
		t.Errorf("%+v, %v", s, err)
	}
}
