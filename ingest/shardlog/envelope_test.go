package shardlog

import (
	"bytes"
	"encoding/binary"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"clew/ingest/shardlog/witness"
	"clew/internal/telemetry"
)

func sample() *Message {
	return &Message{
		Tenant: "acme", Signal: telemetry.Logs, Records: 300,
		Sources: []SourceSeq{{ID: "gateway-1", Seq: 1 << 63, Count: 1<<32 - 1, First: 1<<32 - 1}, {ID: "b", Seq: 0, Count: 0}},
		Batch:   []byte("payload"),
	}
}

// stamped is a stamp with two receipts.
func stamped() *witness.Stamp {
	return &witness.Stamp{Writer: 1<<63 + 5, Number: 300, Receipts: []witness.Receipt{{Number: 299, Position: 1 << 40}, {Number: 1, Position: 7}}}
}

func TestEnvelope(t *testing.T) {
	for name, m := range map[string]*Message{
		"full":       sample(),
		"no sources": {Tenant: "default", Signal: telemetry.Spans, Records: 1, Batch: []byte{0}},
		"no payload": {Tenant: "default", Signal: telemetry.Metrics, Batch: []byte{}},
	} {
		for _, s := range []*witness.Stamp{nil, {Writer: 1, Number: 1}, stamped()} {
			b, err := encodeMessage([]byte("before"), m, s, messageBytesMax)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			of := witness.Stamp{Writer: 9, Receipts: []witness.Receipt{{Number: 1, Position: 1}}} // left from the message before
			got, err := decodeMessage(b[len("before"):], &of)
			if err != nil || !reflect.DeepEqual(&got, m) {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			if want := s; want == nil && of.Writer != 0 || want != nil && (of.Writer != want.Writer || of.Number != want.Number || !slices.Equal(of.Receipts, want.Receipts)) {
				t.Errorf("%s: stamp is %+v, want %+v", name, of, want)
			}
		}
	}
}

// TestEnvelopeBytes holds the format to its table.
func TestEnvelopeBytes(t *testing.T) {
	m := &Message{Tenant: "ab", Signal: telemetry.Logs, Records: 300, Sources: []SourceSeq{{"x", 5, 6, 7}}, Batch: []byte("P")}
	b, err := encodeMessage(nil, m, nil, messageBytesMax)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[5:9], "####") // the CRC, which the other tests check
	if want := "CLWM\x02####\x02\x02ab\xac\x02\x01\x01x\x05\x06\x07P"; string(b) != want {
		t.Errorf("message is %q, want %q", b, want)
	}
	if b, err = encodeMessage(nil, m, &witness.Stamp{Writer: 0x0807060504030201, Number: 300, Receipts: []witness.Receipt{{Number: 298, Position: 129}}}, messageBytesMax); err != nil {
		t.Fatal(err)
	}
	copy(b[5:9], "####")
	if want := "CLWM\x03####\x02\x02ab\xac\x02\x01\x01x\x05\x06\x07\x01\x02\x03\x04\x05\x06\x07\x08\xac\x02\x01\x02\x82\x02P"; string(b) != want {
		t.Errorf("stamped message is %q, want %q", b, want)
	}
	// What version 1 wrote is read.
	old := []byte("CLWM\x01####\x02\x02ab\xac\x02\x01\x01x\x05\x06P")
	seal(old)
	m.Sources[0].First = 0
	if got, err := decodeMessage(old, &witness.Stamp{}); err != nil || !reflect.DeepEqual(&got, m) {
		t.Errorf("version 1: %+v, %v", got, err)
	}
	if b, err = encodeCommit(0x0102030405060708, []byte("data")); err != nil {
		t.Fatal(err)
	}
	copy(b[5:9], "####")
	if want := "CLWC\x01####\x08\x07\x06\x05\x04\x03\x02\x01data"; string(b) != want {
		t.Errorf("commit is %q, want %q", b, want)
	}
}

// TestEnvelopeDamage flips every bit and cuts at every length: none may pass.
func TestEnvelopeDamage(t *testing.T) {
	good, err := encodeMessage(nil, sample(), stamped(), messageBytesMax)
	if err != nil {
		t.Fatal(err)
	}
	var damaged *DamagedMessageError
	for i := range len(good) * 8 {
		b := bytes.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		if _, err := decodeMessage(b, &witness.Stamp{}); !errors.As(err, &damaged) {
			t.Errorf("bit %d flipped: %v", i, err)
		}
	}
	for n := range good {
		if _, err := decodeMessage(good[:n], &witness.Stamp{}); !errors.As(err, &damaged) {
			t.Errorf("cut to %d bytes: %v", n, err)
		}
	}
	commit, err := encodeCommit(1, []byte("data"))
	if err != nil {
		t.Fatal(err)
	}
	for n := range commit {
		if _, err := decodeCommit(commit[:n]); !errors.As(err, &damaged) {
			t.Errorf("commit cut to %d bytes: %v", n, err)
		}
	}
	if _, err := decodeMessage(commit, &witness.Stamp{}); !errors.As(err, &damaged) {
		t.Errorf("a commit read as a message: %v", err)
	}
}

// TestEnvelopeLies has a correct checksum over fields that cannot be.
func TestEnvelopeLies(t *testing.T) {
	for name, body := range map[string]string{
		"empty":               "",
		"signal 0":            "\x00\x01a\x00\x00",
		"signal 4":            "\x04\x01a\x00\x00",
		"no tenant":           "\x01\x00\x00\x00",
		"long tenant":         "\x01\x97\x01" + strings.Repeat("a", 151) + "\x00\x00",
		"tenant with a dot":   "\x01\x01.\x00\x00",
		"tenant past the end": "\x01\x7fa",
		"huge records":        "\x01\x01a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x00",
		"huge sources":        "\x01\x01a\x00\xff\xff\x03x",
		"endless number":      "\x01\x01a\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80",
		"source without id":   "\x01\x01a\x00\x01\x00\x00\x00",
		"count of 33 bits":    "\x01\x01a\x00\x01\x01x\x00\x80\x80\x80\x80\x10",
	} {
		b := append(appendHead(nil, messageMagic, messageVersionPlain), body...)
		seal(b)
		var damaged *DamagedMessageError
		if m, err := decodeMessage(b, &witness.Stamp{}); !errors.As(err, &damaged) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// TestStampLies has a correct checksum over stamps that cannot be.
func TestStampLies(t *testing.T) {
	const writer = "\x01\x02\x03\x04\x05\x06\x07\x08"
	for name, body := range map[string]string{
		"none":                   "",
		"half a writer":          "\x01\x02",
		"no writer":              "\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00",
		"no number":              writer + "\x00\x00",
		"receipts without end":   writer + "\x05\x02\x01\x09",
		"too many receipts":      writer + "\x7f\x11" + strings.Repeat("\x01\x01", 17),
		"a receipt for itself":   writer + "\x05\x01\x00\x09",
		"a receipt for number 0": writer + "\x05\x01\x05\x09",
		"a receipt below 0":      writer + "\x05\x01\x06\x09",
	} {
		b := append(appendHead(nil, messageMagic, messageVersionStamped), "\x01\x01a\x00\x00"+body...)
		seal(b)
		var damaged *DamagedMessageError
		if _, err := decodeMessage(b, &witness.Stamp{}); !errors.As(err, &damaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEnvelopeVersion(t *testing.T) {
	b, err := encodeMessage(nil, sample(), nil, messageBytesMax)
	if err != nil {
		t.Fatal(err)
	}
	b[4] = messageVersion + 1
	seal(b)
	var unknown *UnknownVersionError
	if _, err := decodeMessage(b, &witness.Stamp{}); !errors.As(err, &unknown) || unknown.Version != messageVersion+1 {
		t.Errorf("a newer version: %v", err)
	}
}

// FuzzDecodeMessage reads all versions: the first byte says which.
func FuzzDecodeMessage(f *testing.F) {
	for _, s := range []*witness.Stamp{nil, stamped()} {
		good, err := encodeMessage(nil, sample(), s, messageBytesMax)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(append([]byte{good[4]}, good[envelopeHeadAt:]...))
	}
	f.Add([]byte("\x01\x02\x02ab\xac\x02\x01\x01x\x05\x06P"))
	f.Add([]byte("\x02\x01\x01a\x00\xff\xff\x03x"))
	f.Add([]byte("\x03\x01\x01a\x00\x00\x01\x02\x03\x04\x05\x06\x07\x08\x05\x01\x06\x09"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, in []byte) {
		version := byte(messageVersion)
		if len(in) > 0 {
			version, in = 1+(in[0]-1)%messageVersion, in[1:]
		}
		// The fuzzer cannot guess a checksum, so it is given one.
		b := append(appendHead(nil, messageMagic, version), in...)
		seal(b)
		var of witness.Stamp
		m, err := decodeMessage(b, &of)
		if err != nil {
			var damaged *DamagedMessageError
			if !errors.As(err, &damaged) || damaged.Offset < 0 || damaged.Offset > len(b) {
				t.Fatalf("error %v", err)
			}
			return
		}
		var with *witness.Stamp
		if of.Writer != 0 {
			with = &of
		}
		again, err := encodeMessage(nil, &m, with, len(b)+64)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		var of2 witness.Stamp
		m2, err := decodeMessage(again, &of2)
		if err != nil || !reflect.DeepEqual(m, m2) || of.Writer != of2.Writer || of.Number != of2.Number || !slices.Equal(of.Receipts, of2.Receipts) {
			t.Fatalf("decoded %+v %+v, encoded and decoded again %+v %+v, %v", m, of, m2, of2, err)
		}
	})
}

func FuzzDecodeRaw(f *testing.F) {
	f.Add([]byte("CLWM\x01"))
	f.Add([]byte("CLWC\x01\x00\x00\x00\x00"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = decodeMessage(b, &witness.Stamp{})
		_, _ = decodeCommit(b)
	})
}

// BenchmarkEnvelope encodes and decodes a message of 64 KB as version 2 has it, and with a stamp with one receipt.
func BenchmarkEnvelope(b *testing.B) {
	m := sample()
	m.Batch = make([]byte, 64<<10)
	for name, s := range map[string]*witness.Stamp{"plain": nil, "stamped": {Writer: 1 << 60, Number: 1 << 20, Receipts: []witness.Receipt{{Number: 1<<20 - 1, Position: 1 << 22}}}} {
		enc, err := encodeMessage(nil, m, s, messageBytesMax)
		if err != nil {
			b.Fatal(err)
		}
		b.Run("encode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(enc)))
			buf := make([]byte, 0, len(enc))
			for b.Loop() {
				if _, err := encodeMessage(buf, m, s, messageBytesMax); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(enc)-len(m.Batch)), "envelope-bytes")
		})
		b.Run("decode/"+name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(enc)))
			var of witness.Stamp
			w := witness.New(0)
			for p := Position(1); b.Loop(); p++ {
				if _, err := decodeMessage(enc, &of); err != nil {
					b.Fatal(err)
				}
				w.Meet(p, time.Time{}, binary.LittleEndian.Uint32(enc[crcAt:]), &of, func(witness.Receipt) {})
			}
		})
	}
}
