package match

import (
	"clew/index/vocabulary"
	"clew/internal/telemetry"
	"clew/query/engine/question"
)

// Traces are the hashes of trace ids of which a record must have one to match; nil if the plan does not say.
func (p *Plan) Traces() []uint64 {
	switch p.kind {
	case planLeaf:
		return p.leafTraces()
	case planAnd:
		for _, k := range p.kids {
			if traces := k.Traces(); traces != nil {
				return traces
			}
		}
	case planOr:
		var all []uint64
		for _, k := range p.kids {
			traces := k.Traces()
			if traces == nil {
				return nil
			}
			all = append(all, traces...)
		}
		return all
	}
	return nil
}

func (p *Plan) leafTraces() []uint64 {
	trace := question.LevelKey{Level: telemetry.LevelField, Key: telemetry.FieldTraceID}
	t := p.tests[telemetry.TypeBytes]
	if p.field.Every || len(p.field.Wants) != 1 || p.field.Wants[0] != trace || t == nil {
		return nil
	}
	if set := idsOf(t); set != nil {
		return set.hashes
	}
	if len(t.Exact) != len(telemetry.TraceID{}) {
		return nil
	}
	return []uint64{vocabulary.Hash(t.Exact)}
}
