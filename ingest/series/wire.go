package series

import (
	"encoding/binary"
	"fmt"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/pmetric"

	"clew/index/table"
	"clew/index/vocabulary"
)

// Nearly all points are plain numbers of known series: gauges and sums, sent again and again with the same attributes. Such points are read where they lie in
// a message, without an object for each, and their series is known by the bytes that its attributes have there. What is new is decoded by pdata, once; a
// resource with anything else in it (histograms, exemplars, unknown fields, damage) is decoded by pdata each time, which also says whether it is valid.
// The rows are the same either way.

// AppendOTLP is Append for metrics as OTLP's protobuf, which is not kept. Of a message that can't be decoded nothing is added.
func (h *Head) AppendOTLP(message []byte, now time.Time) error {
	if have := h.Bytes(); have > headBytesMax {
		return fmt.Errorf("append to metrics head: %w", &table.FullError{ID: h.id, Bytes: have})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.part, h.live = nil, nil
	if h.wire == nil || h.wire.bytes() > wireBytesMax {
		h.wire = newWire()
	}
	in, w := h.appender(now), h.wire
	if err := w.read(&in, message); err != nil {
		return fmt.Errorf("append to metrics head: %w", err)
	}
	fresh := w.fresh
	for _, b := range w.blocks {
		var err error
		if b.decoded != nil {
			err = in.all(*b.decoded)
		} else {
			fresh, err = in.block(w, b.from, b.to, fresh)
		}
		if err != nil {
			return fmt.Errorf("append to metrics head: %w", err)
		}
	}
	w.forget()
	h.appended(&in)
	return nil
}

// wire is what a head knows of the bytes of messages.
type wire struct {
	sets   *vocabulary.Interner // bytes of resources and scopes
	setOf  []uint32             // by their codes, those in Head.sets
	keys   *vocabulary.Interner // of series: the metric's code as find writes it, and the bytes of the attributes
	series []uint32             // by their codes, those in Head.keys; noSeries before the first point is added
	buf    []byte

	// Of the message that is being read:
	points []wirePoint
	blocks []block
	fresh  []fresh
}

const noSeries = ^uint32(0)

// block is a resource with its metrics: points that have been read, or all of it, decoded.
type block struct {
	from, to int // of wire.points
	decoded  *pmetric.Metrics
}

// wirePoint is a point of a gauge or a sum.
type wirePoint struct {
	key, meta uint32 // codes of wire.keys and Head.metas
	number
}

// fresh are the attributes of a point whose series is not known.
type fresh struct {
	point      int // of wire.points
	attributes pcommon.Map
}

func newWire() *wire { return &wire{sets: vocabulary.NewInterner(), keys: vocabulary.NewInterner()} }

// bytes is the memory held.
func (w *wire) bytes() int64 {
	return w.sets.Bytes() + w.keys.Bytes() + 4*int64(cap(w.setOf)+cap(w.series)) + wirePointBytes*int64(cap(w.points))
}

// wirePointBytes is what a wirePoint takes.
const wirePointBytes = 48

// forget lets go of what is decoded.
func (w *wire) forget() {
	clear(w.blocks)
	clear(w.fresh)
	w.points, w.blocks, w.fresh = w.points[:0], w.blocks[:0], w.fresh[:0]
}

// read reads a message, of which nothing is added yet.
func (w *wire) read(a *appender, message []byte) error {
	w.forget()
	f := fields{rest: message}
	for f.more() {
		start := f.rest
		if f.tag() != tagResourceMetrics {
			f.bad = true
			break
		}
		body := f.bytes()
		if f.bad {
			break
		}
		from, known := len(w.points), len(w.fresh)
		if w.resource(a, body) {
			w.blocks = append(w.blocks, block{from: from, to: len(w.points)})
			continue
		}
		w.points, w.fresh = w.points[:from], w.fresh[:known]
		if err := w.decode(start[:len(start)-len(f.rest)]); err != nil {
			return err
		}
	}
	if f.bad {
		w.forget()
		return w.decode(message)
	}
	return nil
}

// decode adds a block that pdata decodes.
func (w *wire) decode(message []byte) error {
	m, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(message)
	if err != nil {
		return fmt.Errorf("unmarshal metrics: %w", err)
	}
	w.blocks = append(w.blocks, block{decoded: &m})
	return nil
}

// resource reads a ResourceMetrics, and says whether it could.
func (w *wire) resource(a *appender, body []byte) bool {
	var resource, url []byte
	scopes, seen := 0, false
	f := fields{rest: body}
	for f.more() {
		switch f.tag() {
		case tagResource:
			if seen {
				return false // they are merged
			}
			resource, seen = f.bytes(), true
		case tagSchemaURL:
			url = f.bytes()
		case tagScopeMetrics:
			f.bytes()
			scopes++
		default:
			return false
		}
	}
	if f.bad {
		return false
	}
	for f = (fields{rest: body}); scopes > 0; {
		if tag := f.tag(); tag != tagScopeMetrics {
			f.bytes()
			continue
		}
		scopes--
		if !w.scope(a, resource, url, f.bytes()) {
			return false
		}
	}
	return true
}

// scope reads a ScopeMetrics.
func (w *wire) scope(a *appender, resource, resourceURL, body []byte) bool {
	var scope, url []byte
	seen := false
	f := fields{rest: body}
	for f.more() {
		switch f.tag() {
		case tagScope:
			if seen {
				return false
			}
			scope, seen = f.bytes(), true
		case tagSchemaURL:
			url = f.bytes()
		case tagMetric:
			f.bytes()
		default:
			return false
		}
	}
	if f.bad || !w.set(a, resource, resourceURL, scope, url) {
		return false
	}
	for f = (fields{rest: body}); f.more(); {
		if tag, field := f.tag(), f.bytes(); tag == tagMetric && !w.metric(a, field) {
			return false
		}
	}
	return true
}

// set finds the code of a resource and scope, for the appender.
func (w *wire) set(a *appender, resource, resourceURL, scope, scopeURL []byte) bool {
	w.buf = appendField(w.buf[:0], tagResource, resource)
	w.buf = appendField(w.buf, tagSchemaURL, resourceURL)
	inner := len(w.buf)
	w.buf = appendField(w.buf, tagScope, scope)
	w.buf = appendField(w.buf, tagSchemaURL, scopeURL)
	if code, ok := w.sets.Lookup(w.buf); ok {
		a.set = w.setOf[code]
		return true
	}
	key := slices.Clone(w.buf)
	m, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(nested(slices.Concat(key[:inner], nested(key[inner:], tagScopeMetrics)), tagResourceMetrics))
	if err != nil {
		return false
	}
	rm := m.ResourceMetrics().At(0)
	a.key.set(rm, rm.ScopeMetrics().At(0))
	a.set, _ = a.sets.Intern(a.key.buf)
	w.sets.Intern(key)
	w.setOf = append(w.setOf, a.set)
	return true
}

// metric reads a Metric.
func (w *wire) metric(a *appender, body []byte) bool {
	var name, unit, description, data []byte
	kind := pmetric.MetricTypeEmpty
	f := fields{rest: body}
	for f.more() {
		switch tag := f.tag(); tag {
		case tagName:
			name = f.bytes()
		case tagDescription:
			description = f.bytes()
		case tagUnit:
			unit = f.bytes()
		case tagGauge, tagSum:
			if kind != pmetric.MetricTypeEmpty {
				return false
			}
			kind, data = pmetric.MetricTypeGauge, f.bytes()
			if tag == tagSum {
				kind = pmetric.MetricTypeSum
			}
		default:
			return false
		}
	}
	if f.bad || kind == pmetric.MetricTypeEmpty {
		return false
	}
	temporality, monotonic := pmetric.AggregationTemporalityUnspecified, false
	for f = (fields{rest: data}); f.more(); {
		switch tag := f.tag(); {
		case tag == tagDataPoint:
			f.bytes()
		case tag == tagTemporality && kind == pmetric.MetricTypeSum:
			temporality = pmetric.AggregationTemporality(f.varint())
		case tag == tagMonotonic && kind == pmetric.MetricTypeSum:
			monotonic = f.varint() != 0
		default:
			return false
		}
	}
	if f.bad {
		return false
	}
	a.key.reset()
	writeMeta(&a.key, a.set, kind, temporality, monotonic, name, unit, description)
	a.meta, _ = a.metas.Intern(a.key.buf)
	for f = (fields{rest: data}); f.more(); {
		switch f.tag() {
		case tagDataPoint:
			if !w.point(a, f.bytes()) {
				return false
			}
		default:
			f.varint()
		}
	}
	return true
}

// point reads a NumberDataPoint.
func (w *wire) point(a *appender, body []byte) bool {
	p := wirePoint{meta: a.meta}
	first, last := 0, 0 // the attributes' place
	f := fields{rest: body}
	for f.more() {
		at := len(body) - len(f.rest)
		switch f.tag() {
		case tagStart:
			p.start = int64(f.fixed64())
		case tagTime:
			p.time = int64(f.fixed64())
		case tagDouble:
			p.kind, p.bits = pmetric.NumberDataPointValueTypeDouble, f.fixed64()
		case tagInt:
			p.kind, p.bits = pmetric.NumberDataPointValueTypeInt, f.fixed64()
		case tagFlags:
			p.flags = uint32(f.varint())
		case tagAttribute:
			if last == 0 {
				first = at
			} else if last != at {
				return false // they are not side by side
			}
			f.bytes()
			last = len(body) - len(f.rest)
		default:
			return false
		}
	}
	if f.bad {
		return false
	}
	t, head := a.place(pcommon.Timestamp(p.time))
	p.time = t
	w.buf = append(binary.AppendUvarint(w.buf[:0], head), body[first:last]...)
	var added bool
	if p.key, added = w.keys.Intern(w.buf); added {
		w.series = append(w.series, noSeries)
	}
	if w.series[p.key] == noSeries {
		attributes, ok := decodeAttributes(body[first:last])
		if !ok {
			return false
		}
		w.fresh = append(w.fresh, fresh{point: len(w.points), attributes: attributes})
	}
	w.points = append(w.points, p)
	return true
}

// decodeAttributes decodes a point that has nothing but attributes.
func decodeAttributes(point []byte) (out pcommon.Map, ok bool) {
	message := nested(point, tagDataPoint, tagGauge, tagMetric, tagScopeMetrics, tagResourceMetrics)
	m, err := (&pmetric.ProtoUnmarshaler{}).UnmarshalMetrics(message)
	if err != nil {
		return out, false
	}
	return m.ResourceMetrics().At(0).ScopeMetrics().At(0).Metrics().At(0).Gauge().DataPoints().At(0).Attributes(), true
}

// block adds points that have been read. all are the attributes of those with unknown series; left are those beyond.
func (a *appender) block(w *wire, from, to int, all []fresh) (left []fresh, err error) {
	for i := from; i < to; i++ {
		p := &w.points[i]
		s := w.series[p.key]
		if s == noSeries {
			a.meta = p.meta
			s, _ = a.find(all[0].attributes, pcommon.Timestamp(p.time))
			w.series[p.key] = s
		} else {
			a.seen(s, p.time)
		}
		if len(all) > 0 && all[0].point == i {
			all = all[1:]
		}
		if err := a.number(s, &p.number, nil); err != nil {
			return all, err
		}
	}
	return all, nil
}
