package remotewrite

import (
	"hash/maphash"
	"slices"

	"go.opentelemetry.io/collector/pdata/pmetric"
)

// Prometheus sends an exemplar apart from the sample that it came with: a series of its own, with the same labels, as a rule in the same request. OTLP has exemplars in points only. So
// those without a point wait for the end of the request, and are put to the last point of their series then.

// orphan is an exemplar without a point.
type orphan struct {
	series uint64
	exemplar
}

var seed = maphash.MakeSeed()

// identity is a hash of a series' labels, in the order in which senders must have them.
func (s *series) identity() uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	for _, l := range s.labels {
		_, _ = h.WriteString(l.name) // never fails
		_ = h.WriteByte(0)
		_, _ = h.WriteString(l.value)
		_ = h.WriteByte(0)
	}
	return h.Sum64()
}

// wait keeps a series' exemplars for adopt.
func (b *builder) wait(s *series) error {
	if len(s.exemplars) == 0 {
		return nil
	}
	if err := b.x.Take(pointCost * int64(len(s.exemplars))); err != nil {
		return err
	}
	id := s.identity()
	for _, e := range s.exemplars {
		e.labels = slices.Clone(e.labels)
		b.orphans = append(b.orphans, orphan{id, e})
	}
	return nil
}

// lastPoint remembers where exemplars of a series may go.
func (b *builder) lastPoint(s *series, to pmetric.ExemplarSlice) {
	if b.last == nil {
		b.last = map[uint64]pmetric.ExemplarSlice{}
	}
	b.last[s.identity()] = to
}

// adopt puts exemplars to points of their series, and counts those that find none. That is no mistake of the sender: it is not told.
func (b *builder) adopt() {
	lost := 0
	for _, o := range b.orphans {
		if to, ok := b.last[o.series]; ok {
			b.exemplar(to, o.exemplar)
		} else {
			lost++
		}
	}
	if lost > 0 {
		b.x.Drop(reasonExemplar, lost)
	}
}
