package fanout

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"clew/index"
	"clew/index/catalog"
	"clew/index/store"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/fanout/frame"
	"clew/query/metrics"
	"clew/query/metrics/lent"
	"clew/query/parts"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("github.com/blevesearch/bleve_index_api.AnalysisWorker")) // bleve's, from its init on
}

// Of the segments of a process that goes, each goes to another; all others stay where they are, and shares are about even.
func TestReader(t *testing.T) {
	all := []string{"a", "b", "c", "d"}
	counts := map[string]int{}
	for i := range 10_000 {
		id := fmt.Sprintf("0000-logs-2026-%d", i)
		with, without := reader(id, all), reader(id, all[:3])
		counts[with]++
		if with != "d" && with != without {
			t.Fatalf("%s moved from %s to %s", id, with, without)
		}
	}
	for name, n := range counts {
		if n < 2200 || n > 2800 {
			t.Errorf("%s reads %d of 10,000", name, n)
		}
	}
}

func TestOwners(t *testing.T) {
	m := Membership{Shards: []ShardOwner{
		{Shard: 1, Owner: "old", Epoch: 3}, {Shard: 0}, {Shard: 1, Owner: "new", Epoch: 8}, {Shard: 1}, {Shard: 0, Owner: "x", Epoch: 1},
	}}
	want := []ShardOwner{{Shard: 0, Owner: "x", Epoch: 1}, {Shard: 1, Owner: "new", Epoch: 8}}
	if diff := cmp.Diff(want, m.owners()); diff != "" {
		t.Error(diff)
	}
}

func TestRowsRoundTrip(t *testing.T) {
	want := []engine.SpanFacts{
		{Trace: 3, ID: telemetry.SpanID{1, 2}, Child: true, Start: -5, Duration: 7, Service: "a", Name: "é", Kind: "server"},
		{Failed: true, Matched: true, Service: "a"},
	}
	m, err := frame.Encode(frame.Frame{Table: tableOf(want)})
	if err != nil {
		t.Fatal(err)
	}
	f, err := frame.Decode(m)
	if err != nil {
		t.Fatal(err)
	}
	have, err := rowsOf([]engine.SpanFacts(nil), f.Table)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	if _, err := rowsOf([]span(nil), frame.Table{Rows: 1, Columns: []frame.Column{frame.Bytes(telemetry.Column{Key: "From"}, []int32{0, 1}, []byte("x"), nil)}}); err == nil {
		t.Error("bytes were taken for an integer")
	}
}

// noHeads owns shard 0, in which there is nothing.
type noHeads struct{}

// Heads implements parts.Heads.
func (noHeads) Heads(context.Context, string, telemetry.Signal) ([]index.HeadView, error) {
	return []index.HeadView{{Shard: 0, Epoch: 1}}, nil
}

// FuzzTicket asks a server anything: it answers or says what is wrong.
func FuzzTicket(f *testing.F) {
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	empty, err := store.OpenDir(f.TempDir())
	if err != nil {
		f.Fatal(err)
	}
	source := parts.NewSegments(catalog.New(), empty, nil, noHeads{}, log)
	e := engine.New(source, engine.Limits{CacheBytes: 1 << 20}, log)
	f.Cleanup(e.Close)
	s := NewServer(e, noHeads{}, log)
	s.UseMetrics(metrics.New(source, log))
	share := `"share":{"Shards":[{"Shard":0,"Epoch":1,"Positions":{"1":5}}]}`
	for _, op := range []engine.Op{
		engine.OpCount, engine.OpGroups, engine.OpExtent, engine.OpHistogram, engine.OpHeatmap, engine.OpSearch, engine.OpSkeleton, engine.OpFields, engine.OpLatest,
		engine.OpUsage, engine.OpExplain, engine.OpPlaces, engine.OpPassed, engine.OpFacts, engine.OpWords,
	} {
		f.Add([]byte(fmt.Sprintf(`{"kind":"records","question":{"Op":%q,"Tenant":"default","Signal":1,"Query":"service:a","Field":"service"},%s}`, op, share)))
	}
	for _, op := range []headsOp{headsPin, headsUnpin, headsDescribe, headsRead, headsSpans, headsColumn} {
		f.Add([]byte(fmt.Sprintf(`{"kind":"heads","question":{"Op":%q,"Tenant":"default","Signal":3,"Numbers":[1]},%s}`, op, share)))
	}
	for _, op := range []lent.Op{lent.OpSelect, lent.OpValues, lent.OpLabels, lent.OpNames} {
		f.Add([]byte(fmt.Sprintf(`{"kind":"metrics","question":{"Tenant":"default","Op":%q,"Segments":[{"ID":"x"}],"Matchers":[{"Type":2,"Name":"a","Value":".+"}],"Label":"a"},%s}`, op, share)))
	}
	f.Add([]byte(`{"kind":"records","question":{"Op":"histogram","Tenant":"default","Signal":2,"Step":0},` + share + `}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		data := append(binary.LittleEndian.AppendUint32(nil, crc32.Checksum(text, castagnoli)), text...)
		answer, err := s.answer(t.Context(), data, func(_ string, table frame.Table) error {
			_, err := frame.Encode(frame.Frame{Table: table})
			return err
		})
		if err != nil {
			if len(err.Error()) >= 15 && err.Error()[:15] == "internal error:" {
				t.Fatalf("%s: %v", text, err)
			}
			return
		}
		_ = finish(&engine.Partial{}, answer)
	})
}
