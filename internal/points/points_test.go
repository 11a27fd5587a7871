package points

import (
	"bytes"
	"testing"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

func TestSections(t *testing.T) {
	extra := AppendSection(AppendSection(nil, SectionFlags, AppendRuns(nil, 5, func(i int) uint64 { return uint64(i / 3) })), SectionMetadata, []byte("{}"))
	found, err := Sections(extra)
	if err != nil {
		t.Fatal(err)
	}
	var got []byte
	r := Reader{Rest: found[SectionFlags]}
	r.Runs(5, func(i int, v uint64) { got = append(got, byte(i), byte(v)) })
	if want := []byte{0, 0, 1, 0, 2, 0, 3, 1, 4, 1}; r.Err != nil || !bytes.Equal(got, want) {
		t.Errorf("runs are %v, %v, want %v", got, r.Err, want)
	}
	if string(found[SectionMetadata]) != "{}" || found[SectionNanos] != nil {
		t.Errorf("found %q", found)
	}
	r = Reader{Rest: found[SectionFlags]}
	r.Runs(4, func(int, uint64) {})
	if r.Err == nil {
		t.Error("a run longer than what is left is no error")
	}
	for n := 1; n < len(extra); n++ {
		if _, err := Sections(extra[:n]); err == nil && n != 2+len(found[SectionFlags]) {
			t.Errorf("cut after %d bytes: no error", n)
		}
	}
	if _, err := Sections([]byte{99, 0}); err == nil {
		t.Error("an unknown section is no error")
	}
}

// Whatever the bytes are, reading them ends with a value or an error.
func FuzzExtra(f *testing.F) {
	f.Add(AppendSection(nil, SectionExemplars, []byte{0, 1, 2}))
	f.Add([]byte{1, 0, 2, 1, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		_ = ReadExemplars(b, pmetric.NewExemplarSlice())
		r := Reader{Rest: b}
		_ = r.Attributes(pcommon.NewMap())
		found, err := Sections(b)
		if err != nil {
			return
		}
		_ = found.EachExemplars(10, func(point int, _ []byte) {
			if point < 0 || point >= 10 {
				t.Errorf("exemplars of point %d of 10", point)
			}
		})
		for _, payload := range found {
			r := Reader{Rest: payload}
			r.Runs(10, func(int, uint64) {})
		}
	})
}
