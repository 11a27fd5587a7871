package table

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"clew/index"
	"clew/internal/telemetry"
)

func TestHeap(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	var h, copied heap
	var want [][]byte
	snapshot, taken := heap{}, 0
	for i := range 500 {
		b := bytes.Repeat([]byte{byte(i)}, r.IntN(40))
		if i%7 == 3 {
			b = bytes.Repeat([]byte{byte(i), byte(i >> 4)}, apartBytesMin/2+r.IntN(100))
			h.appendApart(b)
		} else {
			h.append(b)
		}
		copied.appendFrom(&h, i)
		want = append(want, b)
		if i == 200 {
			snapshot, taken = h, h.n
		}
	}
	for i, b := range want {
		if !bytes.Equal(h.value(i), b) || !bytes.Equal(copied.value(i), b) || i < taken && !bytes.Equal(snapshot.value(i), b) {
			t.Fatalf("string %d of %d bytes is not what was added", i, len(b))
		}
	}
	if long := int64(500 / 7 * apartBytesMin); h.bytes() < long || len(h.data) > 500*40 {
		t.Errorf("%d bytes, of which %d lie together", h.bytes(), len(h.data))
	}
}

// TestLongTexts: lines of some 100 KB, some of them again and again, between ordinary ones, come back as they were.
func TestLongTexts(t *testing.T) {
	r := rand.New(rand.NewPCG(10, 11))
	tb := New("h", telemetry.Logs, "default", 0)
	var want []string
	for range 5 {
		b := telemetry.NewBuilder(telemetry.Logs, "default")
		b.UseSet(pcommon.NewResource(), "", pcommon.NewInstrumentationScope(), "")
		for i := range 40 {
			text := fmt.Sprintf("request %d done by user-%x", r.IntN(1000), r.Uint32())
			switch i % 4 {
			case 1:
				text = strings.Repeat(fmt.Sprintf("row %d of %d, ", r.IntN(100), i), 10_000)
			case 2:
				text = strings.Repeat("again and again 17, ", 5000)
			case 3:
				text = fmt.Sprintf("blob %x", r.Uint32()) + strings.Repeat("x", 70_000) + " é"
			}
			lr := plog.NewLogRecord()
			lr.SetTimestamp(pcommon.Timestamp(len(want) + 1))
			lr.Body().SetStr(text)
			b.AppendLog(lr, time.Unix(0, 1))
			want = append(want, text)
		}
		batch := b.Build()
		if err := tb.Append(batch, nil); err != nil {
			t.Fatal(err)
		}
		batch.Release()
	}
	part := tb.Snapshot()
	for col, c := range part.Columns() {
		if c.Key != telemetry.FieldBody {
			continue
		}
		if c.Kind != index.KindText {
			t.Fatalf("bodies are %v", c.Kind)
		}
		text, err := part.Text(t.Context(), col, 0)
		if err != nil {
			t.Fatal(err)
		}
		for row := range want {
			if have := string(text.AppendText(nil, row)); have != want[row] {
				t.Fatalf("row %d: %d bytes, want %d", row, len(have), len(want[row]))
			}
		}
		return
	}
	t.Fatal("no bodies")
}
