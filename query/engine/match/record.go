package match

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/cespare/xxhash/v2"

	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// Record is a record as its columns have it.
type Record struct {
	Time   int64    // of the ordering time, nanoseconds
	Fields []Field  // in Column.Compare's order; a field that the record lacks is not there
	Key    OrderKey `json:"-"` // its place among the records of its time
}

// Field is one value of a record.
type Field struct {
	Column telemetry.Column
	Value  Value
}

// Value is a value; which member holds it, the column's type says.
type Value struct {
	Text   string  // TypeString, TypeJSON; TypeBytes: the bytes
	Int    int64   // TypeInt, TypeTime; TypeBool: 0 or 1
	Double float64 // TypeDouble
}

// Get returns the first value of a level and key, of whatever type.
func (r *Record) Get(level telemetry.Level, key string) (Field, bool) {
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Column.Level == level && f.Column.Key == key {
			return *f, true
		}
	}
	return Field{}, false
}

// Level are the fields of a level, by key.
func (r *Record) Level(level telemetry.Level) []Field {
	from, _ := slices.BinarySearchFunc(r.Fields, level, func(f Field, level telemetry.Level) int { return int(f.Column.Level) - int(level) })
	to := from
	for to < len(r.Fields) && r.Fields[to].Column.Level == level {
		to++
	}
	return r.Fields[from:to]
}

// Text is the text of a fixed field; empty if the record has none.
func (r *Record) Text(key string) string {
	f, _ := r.Get(telemetry.LevelField, key)
	return f.Text()
}

// Int is the number of a fixed field; 0 if the record has none.
func (r *Record) Int(key string) int64 {
	f, _ := r.Get(telemetry.LevelField, key)
	return f.Value.Int
}

// Service is the record's service.name.
func (r *Record) Service() string {
	f, _ := r.Get(telemetry.LevelResource, "service.name")
	return f.Text()
}

// Text is the value as text, as queries see it: numbers in decimal, bytes in hex.
func (f Field) Text() string {
	switch f.Column.Type {
	case telemetry.TypeInt, telemetry.TypeTime:
		return strconv.FormatInt(f.Value.Int, 10)
	case telemetry.TypeDouble:
		return formatDouble(f.Value.Double)
	case telemetry.TypeBool:
		return strconv.FormatBool(f.Value.Int != 0)
	case telemetry.TypeBytes:
		return question.HexText([]byte(f.Value.Text))
	}
	return f.Value.Text
}

func formatDouble(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// parseValue reads the text that a vocabulary or an overflow column has for a value.
func parseValue(t telemetry.Type, text []byte) Value {
	switch t {
	case telemetry.TypeInt, telemetry.TypeTime:
		v, _ := strconv.ParseInt(string(text), 10, 64)
		return Value{Int: v}
	case telemetry.TypeDouble:
		v, _ := strconv.ParseFloat(string(text), 64)
		return Value{Double: v}
	case telemetry.TypeBool:
		if string(text) == "true" {
			return Value{Int: 1}
		}
		return Value{}
	}
	return Value{Text: string(text)}
}

// ClockKeys are the resource attributes that name what shares a clock, the best first: the host, else the pod or the instance.
var ClockKeys = []string{"host.id", "host.name", "k8s.node.name", "k8s.pod.name", "service.instance.id"}

// Process names what shares the clock of the record's sender: the host, else the pod or the instance, else the service.
func (r *Record) Process() string {
	for _, key := range ClockKeys {
		if f, ok := r.Get(telemetry.LevelResource, key); ok && f.Text() != "" {
			return f.Text()
		}
	}
	return r.Service()
}

// OrderKey orders records of the same time: log records by when they were observed, so that lines of a file whose clock ticks in
// milliseconds keep their order; then by content. The order is the same wherever the records are kept, before and after sealing. Fixed
// is of the record's own fields, Rest of its attributes; records that have all three in common are the same for all purposes.
type OrderKey struct {
	Observed    int64 // nanoseconds; 0 if the record does not say
	Fixed, Rest uint64
}

// Compare is negative if k comes before l.
func (k OrderKey) Compare(l OrderKey) int {
	switch {
	case k.Observed != l.Observed:
		return cmp.Compare(k.Observed, l.Observed)
	case k.Fixed != l.Fixed:
		if k.Fixed < l.Fixed {
			return -1
		}
		return 1
	case k.Rest < l.Rest:
		return -1
	case k.Rest > l.Rest:
		return 1
	}
	return 0
}

// setKey computes the record's key from its fields.
func (r *Record) setKey(buf []byte) []byte {
	r.Key.Observed = r.Int(telemetry.FieldObservedTime)
	fixed, rest := buf[:0], []byte(nil)
	i := 0
	for ; i < len(r.Fields) && r.Fields[i].Column.Level == telemetry.LevelField; i++ {
		fixed = r.Fields[i].appendKey(fixed)
	}
	r.Key.Fixed = xxhash.Sum64(fixed)
	rest = fixed[:0]
	for ; i < len(r.Fields); i++ {
		rest = r.Fields[i].appendKey(rest)
	}
	r.Key.Rest = xxhash.Sum64(rest)
	return rest
}

// Arrange computes what orders a record among those of its time: who made it of what another process sent calls it, once its fields are there.
func (r *Record) Arrange() { r.setKey(nil) }

func (f Field) appendKey(dst []byte) []byte {
	dst = append(dst, byte(f.Column.Level), byte(f.Column.Type))
	dst = append(dst, f.Column.Key...)
	dst = append(dst, 0)
	var n uint64
	switch f.Column.Type {
	case telemetry.TypeInt, telemetry.TypeTime, telemetry.TypeBool:
		n = uint64(f.Value.Int)
	case telemetry.TypeDouble:
		n = math.Float64bits(f.Value.Double)
	default:
		dst = strconv.AppendInt(dst, int64(len(f.Value.Text)), 10)
		dst = append(dst, 0)
		return append(dst, f.Value.Text...)
	}
	return append(dst, byte(n), byte(n>>8), byte(n>>16), byte(n>>24), byte(n>>32), byte(n>>40), byte(n>>48), byte(n>>56))
}
