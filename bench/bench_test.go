package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/pmetric/pmetricotlp"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"

	"clew/internal/harness"
)

// TestSmall runs the whole bench at a small scale: its data is taken, its answers are right, and no goal is without a row.
func TestSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	dir := t.TempDir()
	binary, err := harness.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := options{binary: binary, data: filepath.Join(dir, "data"), scale: 0.005, clients: 4, idleFor: 300 * time.Millisecond, runs: 2, out: &out}
	if err := o.run(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for row := range goals {
		signal, name, _ := strings.Cut(row, ": ")
		_, section, _ := strings.Cut(out.String(), "| "+signal+" ")
		if !strings.Contains(section, "| "+name+" ") {
			t.Errorf("no row %q", row)
		}
	}
	t.Log(out.String())
}

// TestWorstSmall takes each kind of hard data, little of it: what is measured must be taken whole and found again.
func TestWorstSmall(t *testing.T) {
	if testing.Short() {
		t.Skip("starts real processes")
	}
	dir := t.TempDir()
	binary, err := harness.Build(dir)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	o := options{binary: binary, data: filepath.Join(dir, "data"), scale: 0.01, clients: 4, idleFor: 300 * time.Millisecond, runs: 1, worst: true, out: &out}
	if err := o.run(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, c := range worstCases {
		if !strings.Contains(out.String(), "| "+c.name) {
			t.Errorf("no row %q", c.name)
		}
	}
}

// TestSameBytes holds the data to one seed, one result, and to the sizes that the goals were set for.
func TestSameBytes(t *testing.T) {
	for name, c := range map[string]struct {
		make     func() corpus
		decode   func([]byte) (records int, err error)
		from, to float64 // bytes a record
	}{
		"logs": {func() corpus { return newLogs(20_000) }, func(b []byte) (int, error) {
			r := plogotlp.NewExportRequest()
			err := r.UnmarshalProto(b)
			return r.Logs().LogRecordCount(), err
		}, 265, 285},
		"spans": {func() corpus { return newSpans(50_000) }, func(b []byte) (int, error) {
			r := ptraceotlp.NewExportRequest()
			err := r.UnmarshalProto(b)
			return r.Traces().SpanCount(), err
		}, 420, 442},
		"metrics": {func() corpus { return newMetrics(3, 20) }, func(b []byte) (int, error) {
			r := pmetricotlp.NewExportRequest()
			err := r.UnmarshalProto(b)
			return r.Metrics().DataPointCount(), err
		}, 60, 120},
	} {
		t.Run(name, func(t *testing.T) {
			a, b := c.make(), c.make()
			records, size := 0, 0
			for {
				one, n := a.next(nil)
				two, m := b.next(nil)
				if !bytes.Equal(one, two) || n != m {
					t.Fatal("two runs differ")
				}
				if n == 0 {
					break
				}
				if have, err := c.decode(one); err != nil || have != n {
					t.Fatalf("decoded %d records of %d: %v", have, n, err)
				}
				records += n
				size += len(one)
			}
			if each := float64(size) / float64(records); each < c.from || each > c.to {
				t.Errorf("%.1f bytes a record, want %g to %g", each, c.from, c.to)
			}
		})
	}
}

// TestWireLengths opens messages of lengths that need one to three bytes.
func TestWireLengths(t *testing.T) {
	for _, n := range []int{0, 1, 127, 128, 16383, 16384, 100_000} {
		w := wire{buf: []byte("x")}
		outer := w.begin(1)
		inner := w.begin(2)
		w.buf = append(w.buf, bytes.Repeat([]byte("a"), n)...)
		w.end(inner)
		w.end(outer)
		want := protowire.AppendTag(nil, 2, protowire.BytesType)
		want = protowire.AppendBytes(want, bytes.Repeat([]byte("a"), n))
		want = append([]byte("x"), protowire.AppendBytes(protowire.AppendTag(nil, 1, protowire.BytesType), want)...)
		if !bytes.Equal(w.buf, want) {
			t.Errorf("message of %d bytes: %.20x, want %.20x", n, w.buf, want)
		}
	}
}
