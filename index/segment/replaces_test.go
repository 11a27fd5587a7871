package segment

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"clew/index"
	"clew/index/segment/format"
	"clew/internal/telemetry"
)

// A segment says what it was made of; one of new records, that it was made of none; one that was written before they said it, nothing.
func TestReplaces(t *testing.T) {
	ctx, st := t.Context(), memStore{}
	rows, _ := logHead(100)
	for id, want := range map[string][]string{"new": {}, "rewritten": {"old"}, "merged": {"a", "b", "c"}} {
		s, _ := writeAndOpen(t, st, id, Options{Replaces: want}, rows)
		got, known, err := s.Replaces(ctx)
		if diff := cmp.Diff(want, got); diff != "" || !known || err != nil {
			t.Errorf("%s: known %v, %v, -want +got:\n%s", id, known, err, diff)
		}
	}
	frozen, _ := frozenSegment(t, 1, telemetry.Logs.String())
	if got, known, err := frozen.Replaces(ctx); known || len(got) > 0 || err != nil {
		t.Errorf("a segment of before says %v, known %v, %v", got, known, err)
	}
}

// What comes from a footer is checked before it is believed.
func TestReplacesDamaged(t *testing.T) {
	st := memStore{}
	rows, _ := logHead(100)
	s, _ := writeAndOpen(t, st, "a", Options{Replaces: []string{"b"}}, rows)
	parquet, _ := Names("a")
	st[parquet] = slices.Clone(st[parquet])
	st[parquet][s.meta.FooterOffset+20] ^= 1
	if _, _, err := s.Replaces(t.Context()); !errors.As(err, new(*index.DamageError)) {
		t.Errorf("%v, want damage", err)
	}
	for _, footer := range []string{"", "PAR1", "xxxxPAR1", "\x15\x04\x19\xff\xff\xff\xff\x0fxxxxPAR1"} {
		if _, err := footerValue([]byte(footer), format.KeyReplaces); err == nil {
			t.Errorf("footer %q: no error", footer)
		}
	}
}
