package series

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/internal/points"
)

// numbers are points of gauges and sums.
type numbers struct {
	common
	values []uint64 // bits of an int64 or a float64, as types says
	types  uniform[uint8]
}

// number is a point without its attributes and exemplars.
type number struct {
	time, start int64
	bits        uint64
	flags       uint32
	kind        pmetric.NumberDataPointValueType
}

// numberOf reads a point, and its exemplars' encoding; nil: it has none.
func numberOf(dp pmetric.NumberDataPoint, w *keyWriter) (n number, exemplars []byte) {
	n = number{time: int64(dp.Timestamp()), start: int64(dp.StartTimestamp()), flags: uint32(dp.Flags()), kind: dp.ValueType()}
	switch n.kind {
	case pmetric.NumberDataPointValueTypeInt:
		n.bits = uint64(dp.IntValue())
	case pmetric.NumberDataPointValueTypeDouble:
		n.bits = math.Float64bits(dp.DoubleValue())
	}
	if es := dp.Exemplars(); es.Len() > 0 {
		exemplars = w.exemplars(es)
	}
	return n, exemplars
}

func (p *numbers) add(n *number, exemplars []byte) {
	i := len(p.times)
	p.times = append(p.times, n.time)
	p.starts.add(i, n.start)
	p.flags.add(i, n.flags)
	p.values = append(p.values, n.bits)
	p.types.add(i, uint8(n.kind))
	if exemplars != nil {
		p.exemplars = append(p.exemplars, pointExemplars{i, exemplars})
	}
}

// float is what the chunk has for point i. A point without a value ends the series there, as Prometheus' staleness marker does.
func (p *numbers) float(i int) float64 {
	switch pmetric.NumberDataPointValueType(p.types.at(i)) {
	case pmetric.NumberDataPointValueTypeInt:
		return float64(int64(p.values[i]))
	case pmetric.NumberDataPointValueTypeDouble:
		return math.Float64frombits(p.values[i])
	}
	return math.Float64frombits(value.StaleNaN)
}

// startMillis is point i's start time for a chunk: 0 says that there is none.
func (c *common) startMillis(i int) int64 {
	ms, _ := floorMillis(c.starts.at(i))
	return ms
}

// encode makes the points a chunk and its extra. ok is false if the chunk would not give them back.
func (p *numbers) encode(scratch []byte) (chunk, extra []byte, ok bool) {
	c := chunkenc.NewXOR2Chunk()
	app, err := c.Appender()
	if err != nil {
		return nil, nil, false
	}
	for i, t := range p.times {
		ms, _ := floorMillis(t)
		app.Append(p.startMillis(i), ms, p.float(i))
	}
	it := c.Iterator(nil)
	for i, t := range p.times {
		want, _ := floorMillis(t)
		if it.Next() != chunkenc.ValFloat {
			return nil, nil, false
		}
		if ms, v := it.At(); ms != want || math.Float64bits(v) != math.Float64bits(p.float(i)) {
			return nil, nil, false
		}
	}
	extra, buf := p.appendExtra(nil, scratch)
	n := len(p.times)
	if !p.types.is(uint8(pmetric.NumberDataPointValueTypeDouble)) {
		buf = points.AppendRuns(buf[:0], n, func(i int) uint64 { return uint64(p.types.at(i)) })
		extra = points.AppendSection(extra, points.SectionTypes, buf)
		buf = buf[:0]
		last := 0
		for i, v := range p.values {
			if pmetric.NumberDataPointValueType(p.types.at(i)) == pmetric.NumberDataPointValueTypeInt && !exactInt(int64(v)) {
				buf = binary.AppendVarint(binary.AppendUvarint(buf, uint64(i-last)), int64(v))
				last = i
			}
		}
		if len(buf) > 0 {
			extra = points.AppendSection(extra, points.SectionIntegers, buf)
		}
	}
	c.Compact()
	return c.Bytes(), extra, true
}

// exactInt says whether a double holds v.
func exactInt(v int64) bool { return v >= -1<<53 && v <= 1<<53 }

// readNumbers reads encode's output back.
func readNumbers(chunk []byte, found *points.Found, samples int) (*numbers, error) {
	c, err := chunkenc.FromData(chunkenc.EncXOR2, chunk)
	if err != nil {
		return nil, err
	}
	p := &numbers{}
	var millis []int64
	var floats []float64
	it := c.Iterator(nil)
	for it.Next() == chunkenc.ValFloat {
		t, v := it.At()
		millis, floats = append(millis, t), append(floats, v)
	}
	if err := it.Err(); err != nil {
		return nil, fmt.Errorf("chunk: %w", err)
	}
	if len(millis) != samples {
		return nil, fmt.Errorf("chunk has %d samples, the row %d", len(millis), samples)
	}
	if err := p.readExtra(found, millis); err != nil {
		return nil, err
	}
	p.types.first = uint8(pmetric.NumberDataPointValueTypeDouble)
	if b := found[points.SectionTypes]; b != nil {
		r := points.Reader{Rest: b}
		r.Runs(samples, func(i int, v uint64) { p.types.add(i, uint8(v)) })
		if r.Err != nil {
			return nil, fmt.Errorf("extra section %d: %w", points.SectionTypes, r.Err)
		}
	}
	p.values = make([]uint64, samples)
	for i, f := range floats {
		p.values[i] = math.Float64bits(f)
		if pmetric.NumberDataPointValueType(p.types.at(i)) == pmetric.NumberDataPointValueTypeInt {
			p.values[i] = uint64(int64(f))
		}
	}
	r := points.Reader{Rest: found[points.SectionIntegers]}
	for i := uint64(0); len(r.Rest) > 0; {
		i += r.Uint()
		v := r.Int()
		if r.Err == nil && i >= uint64(samples) {
			r.Err = fmt.Errorf("point %d of %d", i, samples)
		}
		if r.Err != nil {
			return nil, fmt.Errorf("extra section %d: %w", points.SectionIntegers, r.Err)
		}
		p.values[i] = uint64(v)
	}
	return p, nil
}

// appendTo adds the points as OTLP, without attributes.
func (p *numbers) appendTo(dst pmetric.NumberDataPointSlice) error {
	at := dst.Len()
	dst.EnsureCapacity(at + len(p.times))
	for i, t := range p.times {
		dp := dst.AppendEmpty()
		dp.SetTimestamp(pcommon.Timestamp(t))
		dp.SetStartTimestamp(pcommon.Timestamp(p.starts.at(i)))
		dp.SetFlags(pmetric.DataPointFlags(p.flags.at(i)))
		switch pmetric.NumberDataPointValueType(p.types.at(i)) {
		case pmetric.NumberDataPointValueTypeInt:
			dp.SetIntValue(int64(p.values[i]))
		case pmetric.NumberDataPointValueTypeDouble:
			dp.SetDoubleValue(math.Float64frombits(p.values[i]))
		}
	}
	for _, e := range p.exemplars {
		if err := points.ReadExemplars(e.data, dst.At(at+e.point).Exemplars()); err != nil {
			return err
		}
	}
	return nil
}

// bytes estimates the memory of the points.
func (p *numbers) bytes() int64 {
	n := int64(8*(cap(p.times)+cap(p.starts.all)+cap(p.values)) + 4*cap(p.flags.all) + cap(p.types.all))
	n += int64(32 * cap(p.exemplars))
	for _, e := range p.exemplars {
		n += int64(len(e.data))
	}
	return n
}
