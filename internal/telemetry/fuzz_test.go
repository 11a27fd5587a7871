package telemetry

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

var valueSeeds = []string{
	`null`, `"a\u00e9\ud83d\ude00\n"`, `[1,2.5,-0.0,1e300,{"a":{"b":[]}}]`, `{"$bytes":"aGk="}`, `{"$double":"NaN:7ff8000000000002"}`,
	`{"$map":[["a",1],["a",2]]}`, `{"$$a":true}`, `{"$double":"+Inf"}`, ` { "a" : [ ] } `, `{"a":`, `[[[[`, `"\ud800"`, `{"$map":[]}`,
}

// What parses is written again in a form that parses to the same value.
func FuzzParseValue(f *testing.F) {
	for _, s := range valueSeeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		v := pcommon.NewValueEmpty()
		if ParseValue(text, v) != nil {
			return
		}
		once, _ := AppendValue(nil, v)
		again := pcommon.NewValueEmpty()
		if err := ParseValue(string(once), again); err != nil {
			t.Fatalf("%q: %v", once, err)
		}
		if a, b := canonicalValue(v), canonicalValue(again); a != b {
			t.Fatalf("%q\n%s\n%s", text, a, b)
		}
	})
}

func FuzzParseEvents(f *testing.F) {
	f.Add(`[{"time":1,"name":"exception","attributes":{"a":1},"dropped_attributes_count":3},{}]`)
	f.Add(`[{"trace_id":"00112233445566778899aabbccddeeff","span_id":"0011223344556677","trace_state":"a=b","flags":257}]`)
	f.Fuzz(func(t *testing.T, text string) {
		span := ptrace.NewSpan()
		if ParseEvents(text, span.Events()) == nil {
			once, _ := AppendEvents(nil, span.Events())
			if err := ParseEvents(string(once), ptrace.NewSpanEventSlice()); err != nil {
				t.Fatalf("%q: %v", once, err)
			}
		}
		if ParseLinks(text, span.Links()) == nil {
			once, _ := AppendLinks(nil, span.Links())
			if err := ParseLinks(string(once), ptrace.NewSpanLinkSlice()); err != nil {
				t.Fatalf("%q: %v", once, err)
			}
		}
	})
}

// Every OTLP message that pdata reads comes back from a batch.
func FuzzLogs(f *testing.F) {
	for seed := range uint64(4) {
		r := newRandom(seed)
		r.invalid = seed%2 == 1
		data, err := (&plog.ProtoMarshaler{}).MarshalLogs(r.logs())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		logs, err := (&plog.ProtoUnmarshaler{}).UnmarshalLogs(data)
		if err != nil {
			return
		}
		b := NewBuilder(Logs, DefaultTenant)
		appendLogs(b, logs, time.Unix(0, testNow))
		batch := reencode(t, b.Build())
		got, err := batch.Logs()
		if err != nil {
			t.Fatal(err)
		}
		if got.LogRecordCount() != logs.LogRecordCount() {
			t.Fatalf("%d records, want %d", got.LogRecordCount(), logs.LogRecordCount())
		}
	})
}

func FuzzSpans(f *testing.F) {
	for seed := range uint64(4) {
		r := newRandom(seed)
		r.invalid = seed%2 == 1
		data, err := (&ptrace.ProtoMarshaler{}).MarshalTraces(r.traces())
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		traces, err := (&ptrace.ProtoUnmarshaler{}).UnmarshalTraces(data)
		if err != nil {
			return
		}
		b := NewBuilder(Spans, DefaultTenant)
		appendTraces(b, traces, time.Unix(0, testNow))
		batch := reencode(t, b.Build())
		got, err := batch.Traces()
		if err != nil {
			t.Fatal(err)
		}
		if got.SpanCount() != traces.SpanCount() {
			t.Fatalf("%d spans, want %d", got.SpanCount(), traces.SpanCount())
		}
	})
}

// reframe makes an encoded batch of raw content, with lengths and CRC that fit: what an encoder with an error, or one that means harm, could write.
func reframe(signal Signal, records, sets, rows int, raw []byte) []byte {
	data := append([]byte(magic), version, byte(signal), 1, 0)
	for _, n := range []int{records, sets, rows, len(raw) - sets - rows, 0, 0} {
		data = binary.LittleEndian.AppendUint32(data, uint32(n))
	}
	data = append(data, 't')
	body := s2.Encode(nil, raw)
	data = append(data, body...)
	binary.LittleEndian.PutUint32(data[24:], uint32(len(body)))
	binary.LittleEndian.PutUint32(data[crcOffset:], checksum(data))
	return data
}

// unframe is the inverse of reframe.
func unframe(data []byte) (signal Signal, records, sets, rows int, raw []byte) {
	h, err := parseHeader(data)
	if err != nil {
		panic(err)
	}
	raw, err = decompress(data[headerBytes+h.tenant:], h.sets+h.rows+h.otlp)
	if err != nil {
		panic(err)
	}
	return h.signal, h.records, h.sets, h.rows, raw
}

// readAll reads everything of a batch in every way.
func readAll(b *Batch) {
	switch b.Signal {
	case Logs:
		_, _ = b.Logs()
	case Spans:
		_, _ = b.Traces()
	}
	if b.Rows == nil {
		_, _ = b.Metrics()
		return
	}
	for i := range int(b.Rows.NumCols()) {
		c, err := CellsOf(b.Rows.Column(i))
		if err != nil {
			panic(err)
		}
		for row := range c.Len() {
			if !c.Valid(row) {
				continue
			}
			switch c.form {
			case formTexts, formCodes, formWidth:
				_ = c.Bytes(row)
			case formInts:
				_ = c.Int(row)
			case formDoubles:
				_ = c.Double(row)
			case formBits:
				_ = c.Bool(row)
			}
		}
	}
}

func smallBatches(t testing.TB) [][]byte {
	var out [][]byte
	for seed := range uint64(3) {
		r := newRandom(seed)
		logs := NewBuilder(Logs, "t")
		appendLogs(logs, r.logs(), time.Unix(0, testNow))
		spans := NewBuilder(Spans, "t")
		appendTraces(spans, r.traces(), time.Unix(0, testNow))
		for _, b := range []*Builder{logs, spans} {
			data, err := Encode(nil, b.Build())
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, data)
		}
	}
	return out
}

// Content that is not what Encode writes, but has the right CRC, is an error or a batch that can be read.
func FuzzDecodeContent(f *testing.F) {
	for _, data := range smallBatches(f) {
		signal, records, sets, rows, raw := unframe(data)
		f.Add(byte(signal), records, sets, rows, raw)
	}
	f.Fuzz(func(t *testing.T, signal byte, records, sets, rows int, raw []byte) {
		if sets < 0 || rows < 0 || sets > len(raw) || rows > len(raw)-sets {
			return
		}
		if b, err := Decode(reframe(Signal(signal), records, sets, rows, raw)); err == nil {
			readAll(b)
		}
	})
}

func FuzzDecode(f *testing.F) {
	for _, data := range smallBatches(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if b, err := Decode(data); err == nil {
			readAll(b)
		}
	})
}

// Any byte changed or cut off is noticed.
func TestDecodeDamage(t *testing.T) {
	data := smallBatches(t)[0]
	for i := range data {
		for _, bit := range []byte{1, 0x80} {
			damaged := append([]byte(nil), data...)
			damaged[i] ^= bit
			if _, err := Decode(damaged); err == nil {
				t.Fatalf("byte %d flipped: no error", i)
			}
		}
		if _, err := Decode(data[:i]); err == nil {
			t.Fatalf("cut off at %d: no error", i)
		}
	}
	if _, err := Decode(append(data[:len(data):len(data)], 0)); err == nil {
		t.Fatal("a byte more: no error")
	}
}

// Flips behind the CRC's back never panic.
func TestDecodeFlippedContent(t *testing.T) {
	decoded, refused := 0, 0
	for _, data := range smallBatches(t) {
		signal, records, sets, rows, raw := unframe(data)
		flips := 1000
		if testing.Short() {
			flips = 100
		}
		step := 1 + len(raw)/flips
		for i := 0; i < len(raw); i += step {
			for _, flip := range []byte{1, 0x10, 0x80, 0xff} {
				raw[i] ^= flip
				if b, err := Decode(reframe(signal, records, sets, rows, raw)); err == nil {
					readAll(b)
					decoded++
				} else {
					refused++
				}
				raw[i] ^= flip
			}
		}
	}
	if decoded == 0 || refused == 0 {
		t.Fatalf("%d decoded, %d refused", decoded, refused)
	}
}
