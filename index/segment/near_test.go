package segment

import (
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"testing"

	"clew/index/segment/format"
	"clew/internal/telemetry"
)

// TestSectionsReadWithMetadata opens a small segment, whose .index Open has read whole: its sections cost no further read, and are the same when they are read
// after the garbage collector has taken what was left of Open.
func TestSectionsReadWithMetadata(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	s, _ := writeAndOpen(t, openStore(t), "x", Options{}, newFakePart(telemetry.Logs, randomRows(rand.New(rand.NewPCG(3, 3)), telemetry.Logs, 500), 500, naturalKind))
	before := s.BytesRead()
	type entry struct {
		sec  *format.Section
		data []byte
	}
	var all []entry
	read := func(sec *format.Section) []byte {
		data, _, err := s.readSection(t.Context(), sec.Kind, sec.Column, sec.Group)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, sec := range s.sections {
		all = append(all, entry{sec, read(sec)})
	}
	if more := s.BytesRead() - before; more != 0 || len(all) < 5 || s.info.Bytes == 0 {
		t.Errorf("%d sections took %d bytes more", len(all), more)
	}
	debug.FreeOSMemory() // collects
	if s.near.Value() != nil {
		t.Fatal("what Open read is kept")
	}
	for _, e := range all {
		if !slices.Equal(read(e.sec), e.data) {
			t.Errorf("section %d of column %d differs", e.sec.Kind, e.sec.Column)
		}
	}
	if s.BytesRead() == before {
		t.Error("the sections came from nowhere")
	}
}
