package engine

import (
	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// traces are the hashes of trace ids of which a record must have one to match; nil if the plan does not say.
func (p *plan) traces() []uint64 {
	switch p.kind {
	case planLeaf:
		return p.leafTraces()
	case planAnd:
		for _, k := range p.kids {
			if traces := k.traces(); traces != nil {
				return traces
			}
		}
	case planOr:
		var all []uint64
		for _, k := range p.kids {
			traces := k.traces()
			if traces == nil {
				return nil
			}
			all = append(all, traces...)
		}
		return all
	}
	return nil
}

func (p *plan) leafTraces() []uint64 {
	trace := levelKey{telemetry.LevelField, telemetry.FieldTraceID}
	t := p.tests[telemetry.TypeBytes]
	if p.field.every || len(p.field.wants) != 1 || p.field.wants[0] != trace || t == nil {
		return nil
	}
	if set := t.ids(); set != nil {
		return set.hashes
	}
	if len(t.exact) != len(telemetry.TraceID{}) {
		return nil
	}
	return []uint64{vocabulary.Hash(t.exact)}
}
