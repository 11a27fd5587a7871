package shardlog

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"

	"clew/internal/telemetry"
)

func sample() *Message {
	return &Message{
		Tenant: "acme", Signal: telemetry.Logs, Records: 300,
		Sources: []SourceSeq{{ID: "gateway-1", Seq: 1 << 63, Count: 1<<32 - 1, First: 1<<32 - 1}, {ID: "b", Seq: 0, Count: 0}},
		Batch:   []byte("payload"),
	}
}

func TestEnvelope(t *testing.T) {
	for name, m := range map[string]*Message{
		"full":       sample(),
		"no sources": {Tenant: "default", Signal: telemetry.Spans, Records: 1, Batch: []byte{0}},
		"no payload": {Tenant: "default", Signal: telemetry.Metrics, Batch: []byte{}},
	} {
		b, err := encodeMessage([]byte("before"), m, messageBytesMax)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := decodeMessage(b[len("before"):])
		if err != nil || !reflect.DeepEqual(&got, m) {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}

// TestEnvelopeBytes holds the format to its table.
func TestEnvelopeBytes(t *testing.T) {
	m := &Message{Tenant: "ab", Signal: telemetry.Logs, Records: 300, Sources: []SourceSeq{{"x", 5, 6, 7}}, Batch: []byte("P")}
	b, err := encodeMessage(nil, m, messageBytesMax)
	if err != nil {
		t.Fatal(err)
	}
	copy(b[5:9], "####") // the CRC, which the other tests check
	if want := "CLWM\x02####\x02\x02ab\xac\x02\x01\x01x\x05\x06\x07P"; string(b) != want {
		t.Errorf("message is %q, want %q", b, want)
	}
	// What version 1 wrote is read.
	old := []byte("CLWM\x01####\x02\x02ab\xac\x02\x01\x01x\x05\x06P")
	seal(old)
	m.Sources[0].First = 0
	if got, err := decodeMessage(old); err != nil || !reflect.DeepEqual(&got, m) {
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
	good, err := encodeMessage(nil, sample(), messageBytesMax)
	if err != nil {
		t.Fatal(err)
	}
	var damaged *DamagedMessageError
	for i := range len(good) * 8 {
		b := bytes.Clone(good)
		b[i/8] ^= 1 << (i % 8)
		if _, err := decodeMessage(b); !errors.As(err, &damaged) {
			t.Errorf("bit %d flipped: %v", i, err)
		}
	}
	for n := range good {
		if _, err := decodeMessage(good[:n]); !errors.As(err, &damaged) {
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
	if _, err := decodeMessage(commit); !errors.As(err, &damaged) {
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
		b := append(appendHead(nil, messageMagic, messageVersion), body...)
		seal(b)
		var damaged *DamagedMessageError
		if m, err := decodeMessage(b); !errors.As(err, &damaged) {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

func TestEnvelopeVersion(t *testing.T) {
	b, err := encodeMessage(nil, sample(), messageBytesMax)
	if err != nil {
		t.Fatal(err)
	}
	b[4] = messageVersion + 1
	seal(b)
	var unknown *UnknownVersionError
	if _, err := decodeMessage(b); !errors.As(err, &unknown) || unknown.Version != messageVersion+1 {
		t.Errorf("a newer version: %v", err)
	}
}

func FuzzDecodeMessage(f *testing.F) {
	good, err := encodeMessage(nil, sample(), messageBytesMax)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[envelopeHeadAt:])
	f.Add([]byte("\x01\x01a\x00\xff\xff\x03x"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, body []byte) {
		// The fuzzer cannot guess a checksum, so it is given one.
		b := append(appendHead(nil, messageMagic, messageVersion), body...)
		seal(b)
		m, err := decodeMessage(b)
		if err != nil {
			var damaged *DamagedMessageError
			if !errors.As(err, &damaged) || damaged.Offset < 0 || damaged.Offset > len(b) {
				t.Fatalf("error %v", err)
			}
			return
		}
		again, err := encodeMessage(nil, &m, len(b)+64)
		if err != nil {
			t.Fatalf("encode what was decoded: %v", err)
		}
		m2, err := decodeMessage(again)
		if err != nil || !reflect.DeepEqual(m, m2) {
			t.Fatalf("decoded %+v, encoded and decoded again %+v, %v", m, m2, err)
		}
	})
}

func FuzzDecodeRaw(f *testing.F) {
	f.Add([]byte("CLWM\x01"))
	f.Add([]byte("CLWC\x01\x00\x00\x00\x00"))
	f.Fuzz(func(_ *testing.T, b []byte) {
		_, _ = decodeMessage(b)
		_, _ = decodeCommit(b)
	})
}

func BenchmarkEnvelope(b *testing.B) {
	m := sample()
	m.Batch = make([]byte, 1<<20)
	enc, err := encodeMessage(nil, m, messageBytesMax)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(enc)))
		buf := make([]byte, 0, len(enc))
		for b.Loop() {
			if _, err := encodeMessage(buf, m, messageBytesMax); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(enc)))
		for b.Loop() {
			if _, err := decodeMessage(enc); err != nil {
				b.Fatal(err)
			}
		}
	})
}
