package frame

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"testing"

	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/flight"
	"github.com/google/go-cmp/cmp"

	"clew/internal/telemetry"
)

func example() Frame {
	col := func(key string, t telemetry.Type) telemetry.Column {
		return telemetry.Column{Level: telemetry.LevelRecord, Key: key, Type: t}
	}
	return Frame{Header: []byte(`{"rows":"x"}`), Table: Table{Rows: 3, Columns: []Column{
		Ints(col("i", telemetry.TypeInt), []int64{1, math.MinInt64, 3}, []byte{0b101}),
		Uints(col("u", telemetry.TypeInt), []uint64{1, math.MaxUint64, 3}, nil),
		Doubles(col("d", telemetry.TypeDouble), []float64{0.5, math.Inf(1), -1}, nil),
		Bytes(col("b", telemetry.TypeString), []int32{0, 1, 1, 5}, []byte("a\x00\xffcd"), []byte{0b111}),
	}}}
}

func TestRoundTrip(t *testing.T) {
	want := example()
	m, err := Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	for shift := range 8 { // wherever gRPC puts it
		moved := make([]byte, shift+len(m.DataBody))
		copy(moved[shift:], m.DataBody)
		have, err := Decode(&flight.FlightData{DataHeader: m.DataHeader, DataBody: moved[shift:], AppMetadata: m.AppMetadata})
		if err != nil {
			t.Fatal(err)
		}
		if string(have.Header) != string(want.Header) || have.Table.Rows != 3 || len(have.Table.Columns) != 4 {
			t.Fatalf("%+v", have)
		}
		for i, c := range have.Table.Columns {
			if c.Column != want.Table.Columns[i].Column || !array.Equal(c.Values, want.Table.Columns[i].Values) {
				t.Errorf("column %v: %v, want %v", c.Column, c.Values, want.Table.Columns[i].Values)
			}
		}
	}
}

// Every flipped bit is found.
func TestFlippedBits(t *testing.T) {
	m, err := Encode(example())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []*[]byte{&m.DataHeader, &m.DataBody, &m.AppMetadata} {
		for i := range *part {
			for bit := range 8 {
				(*part)[i] ^= 1 << bit
				var damage *DamageError
				if _, err := Decode(m); !errors.As(err, &damage) {
					t.Fatalf("byte %d bit %d: %v", i, bit, err)
				}
				(*part)[i] ^= 1 << bit
			}
		}
	}
}

// What a right checksum says of a wrong message is refused or read, and never more than that.
func FuzzDecode(f *testing.F) {
	m, err := Encode(example())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.DataHeader, m.DataBody)
	f.Add([]byte(`{"rows":1,"columns":[{"kind":"bin","buffers":[0,8,0]}]}`), make([]byte, 8))
	f.Add([]byte(`{"rows":9000000,"columns":[{"kind":"i64","buffers":[0,72000000]}]}`), []byte{})
	f.Fuzz(func(t *testing.T, header, body []byte) {
		sum := crc32.Update(crc32.Checksum(header, castagnoli), castagnoli, body)
		got, err := Decode(&flight.FlightData{DataHeader: header, DataBody: body, AppMetadata: binary.LittleEndian.AppendUint32([]byte{version}, sum)})
		if err != nil {
			return
		}
		for _, c := range got.Table.Columns {
			for i := range c.Values.Len() {
				_ = c.Values.ValueStr(i)
			}
		}
		again, err := Encode(got)
		if err != nil {
			t.Fatal(err)
		}
		if back, err := Decode(again); err != nil || back.Table.Rows != got.Table.Rows {
			t.Fatal(err, cmp.Diff(string(got.Header), string(back.Header)))
		}
	})
}
