package remotewrite

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"clew/internal/receivers/way"
)

// series is one TimeSeries of either version.
type series struct {
	labels     []label
	samples    []sample
	exemplars  []exemplar
	histograms [][]byte // messages
	kind       metricType
	help, unit string
}

func (s *series) reset() {
	*s = series{labels: s.labels[:0], samples: s.samples[:0], exemplars: s.exemplars[:0], histograms: s.histograms[:0]}
}

type label struct{ name, value string }

type sample struct {
	value            float64
	millis, startsAt int64
}

type exemplar struct {
	labels []label
	sample
}

// metricType has the numbers of both versions' enumerations.
type metricType uint64

const typeCounter metricType = 1

type metadata struct {
	kind       metricType
	help, unit string
}

// decode1 reads a prometheus.WriteRequest: 1 timeseries, 3 metadata, by name of the family and for some requests only.
func (b *builder) decode1(body []byte) error {
	families := map[string]metadata{}
	err := way.Fields(body, "write request", func(f way.Field) error {
		if f.Number != 3 {
			return nil
		}
		if err := b.x.Take(metricCost); err != nil {
			return err
		}
		var name string
		var m metadata
		err := way.Fields(f.Bytes, "metadata", func(f way.Field) error {
			switch f.Number {
			case 1:
				m.kind = metricType(f.Bits)
			case 2:
				name = string(f.Bytes)
			case 4:
				m.help = string(f.Bytes)
			case 5:
				m.unit = string(f.Bytes)
			}
			return nil
		})
		families[name] = m
		return err
	})
	if err != nil {
		return err
	}
	var s series
	return way.Fields(body, "write request", func(f way.Field) error {
		if f.Number != 1 {
			return nil
		}
		s.reset()
		if err := b.series1(f.Bytes, &s); err != nil {
			return err
		}
		if m, ok := families[nameOf(s.labels)]; ok {
			s.kind, s.help, s.unit = m.kind, m.help, m.unit
		}
		return b.add(&s)
	})
}

// series1 reads a TimeSeries: 1 labels, 2 samples, 3 exemplars, 4 histograms.
func (b *builder) series1(message []byte, s *series) error {
	return way.Fields(message, "time series", func(f way.Field) error {
		switch f.Number {
		case 1:
			l, err := b.label1(f.Bytes)
			s.labels = append(s.labels, l)
			return err
		case 2:
			v, err := b.sample(f.Bytes, 1, 2, 0)
			s.samples = append(s.samples, v)
			return err
		case 3:
			var e exemplar
			err := way.Fields(f.Bytes, "exemplar", func(f way.Field) error {
				if f.Number != 1 {
					return nil
				}
				l, err := b.label1(f.Bytes)
				e.labels = append(e.labels, l)
				return err
			})
			if err != nil {
				return err
			}
			e.sample, err = b.sample(f.Bytes, 2, 3, 0)
			s.exemplars = append(s.exemplars, e)
			return err
		case 4:
			s.histograms = append(s.histograms, f.Bytes)
			return b.x.Take(pointCost)
		}
		return nil
	})
}

func (b *builder) label1(message []byte) (l label, err error) {
	if err := b.x.Take(pairCost); err != nil {
		return l, err
	}
	err = way.Fields(message, "label", func(f way.Field) error {
		switch f.Number {
		case 1:
			l.name = string(f.Bytes)
		case 2:
			l.value = string(f.Bytes)
		}
		return nil
	})
	return l, err
}

// sample reads a value and times in milliseconds, by their numbers in the message; 0 is none.
func (b *builder) sample(message []byte, value, at, start protowire.Number) (s sample, err error) {
	if err := b.x.Take(pointCost); err != nil {
		return s, err
	}
	err = way.Fields(message, "sample", func(f way.Field) error {
		switch f.Number {
		case value:
			s.value = math.Float64frombits(f.Bits)
		case at:
			s.millis = int64(f.Bits)
		case start:
			s.startsAt = int64(f.Bits)
		}
		return nil
	})
	return s, err
}

// decode2 reads an io.prometheus.write.v2.Request: 4 symbols, 5 timeseries.
func (b *builder) decode2(body []byte) error {
	var symbols []string
	err := way.Fields(body, "write request", func(f way.Field) error {
		if f.Number != 4 {
			return nil
		}
		symbols = append(symbols, string(f.Bytes))
		return b.x.Take(symbolCost)
	})
	if err != nil {
		return err
	}
	if len(symbols) > 0 && symbols[0] != "" {
		return way.Malformed("write request: the first symbol is %.40q: want an empty one", symbols[0])
	}
	var s series
	return way.Fields(body, "write request", func(f way.Field) error {
		if f.Number != 5 {
			return nil
		}
		s.reset()
		if err := b.series2(f.Bytes, symbols, &s); err != nil {
			return err
		}
		return b.add(&s)
	})
}

// series2 reads a TimeSeries: 1 labels_refs, 2 samples, 3 histograms, 4 exemplars, 5 metadata.
func (b *builder) series2(message []byte, symbols []string, s *series) error {
	var refs []uint64
	err := way.Fields(message, "time series", func(f way.Field) (err error) {
		switch f.Number {
		case 1:
			refs, err = b.refs(refs, f)
		case 2:
			var v sample
			v, err = b.sample(f.Bytes, 1, 2, 3)
			s.samples = append(s.samples, v)
		case 3:
			s.histograms = append(s.histograms, f.Bytes)
			err = b.x.Take(pointCost)
		case 4:
			var e exemplar
			e, err = b.exemplar2(f.Bytes, symbols)
			s.exemplars = append(s.exemplars, e)
		case 5:
			err = metadata2(f.Bytes, symbols, s)
		}
		return err
	})
	if err != nil {
		return err
	}
	s.labels, err = labels2(s.labels, refs, symbols)
	return err
}

func (b *builder) exemplar2(message []byte, symbols []string) (e exemplar, err error) {
	var refs []uint64
	err = way.Fields(message, "exemplar", func(f way.Field) (err error) {
		if f.Number == 1 {
			refs, err = b.refs(refs, f)
		}
		return err
	})
	if err != nil {
		return e, err
	}
	if e.labels, err = labels2(nil, refs, symbols); err != nil {
		return e, err
	}
	e.sample, err = b.sample(message, 2, 3, 0)
	return e, err
}

// refs appends a field's references, packed or not.
func (b *builder) refs(refs []uint64, f way.Field) ([]uint64, error) {
	if f.Type == protowire.VarintType {
		return append(refs, f.Bits), b.x.Take(pairCost / 2)
	}
	if err := b.x.Take(pairCost / 2 * int64(len(f.Bytes))); err != nil {
		return nil, err
	}
	for rest := f.Bytes; len(rest) > 0; {
		v, n := protowire.ConsumeVarint(rest)
		if n < 0 {
			return nil, way.Malformed("label references: %w", protowire.ParseError(n))
		}
		refs, rest = append(refs, v), rest[n:]
	}
	return refs, nil
}

// labels2 appends the labels that pairs of references stand for.
func labels2(labels []label, refs []uint64, symbols []string) ([]label, error) {
	if len(refs)%2 != 0 {
		return nil, way.Malformed("time series: %d label references: want pairs", len(refs))
	}
	for i := 0; i < len(refs); i += 2 {
		name, err := symbol(symbols, refs[i])
		if err != nil {
			return nil, err
		}
		value, err := symbol(symbols, refs[i+1])
		if err != nil {
			return nil, err
		}
		labels = append(labels, label{name, value})
	}
	return labels, nil
}

func symbol(symbols []string, ref uint64) (string, error) {
	if ref >= uint64(len(symbols)) {
		return "", way.Malformed("time series: reference to symbol %d of %d", ref, len(symbols))
	}
	return symbols[ref], nil
}

func metadata2(message []byte, symbols []string, s *series) error {
	return way.Fields(message, "metadata", func(f way.Field) (err error) {
		switch f.Number {
		case 1:
			s.kind = metricType(f.Bits)
		case 3:
			s.help, err = symbol(symbols, f.Bits)
		case 4:
			s.unit, err = symbol(symbols, f.Bits)
		}
		if err != nil {
			return fmt.Errorf("metadata: %w", err)
		}
		return nil
	})
}

func nameOf(labels []label) string {
	for _, l := range labels {
		if l.name == "__name__" {
			return l.value
		}
	}
	return ""
}
