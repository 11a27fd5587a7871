package match

import (
	"cmp"
	"maps"
	"slices"
	"strconv"

	"clew/index"
	"clew/internal/telemetry"
)

// Most segments hold nothing of a rare word, and what a segment does not hold it never will. So it is remembered which parts a plan was
// rewritten to "never" for: the next query with the same plan passes over them for the price of a look-up, however many there are.

// PlanKey is a plan in canonical form, for remembering which parts cannot match it; nil if there is nothing to remember, or no short way to name it.
func (a *Answers) PlanKey(p *Plan) []byte {
	if a.cache == nil || p.kind == planConst {
		return nil
	}
	key := appendPlan(nil, p)
	if len(key) > planKeyMax {
		return nil
	}
	return key
}

// appendPlan appends bytes that no plan has which asks something else. Each text is preceded by its length.
func appendPlan(dst []byte, p *Plan) []byte {
	sized := func(s string) {
		dst = strconv.AppendInt(dst, int64(len(s)), 10)
		dst = append(append(dst, ':'), s...)
	}
	dst = append(dst, byte(p.kind))
	switch p.kind {
	case planConst:
		return strconv.AppendBool(dst, p.value)
	case planLeaf:
		sized(p.field.Name)
		for _, typ := range slices.SortedFunc(maps.Keys(p.tests), cmp.Compare[telemetry.Type]) {
			dst = append(dst, byte(typ))
			sized(p.tests[typ].Key)
		}
	}
	for _, k := range p.kids {
		dst = appendPlan(dst, k)
	}
	return append(dst, planEnd)
}

// planEnd ends a node; no planKind and no digit is so large.
const planEnd = 0xFF

// neverByVocab and neverByFilter are what is kept of a part that cannot match.
const (
	neverByVocab  = 1
	neverByFilter = 2
)

// Never says whether a part is known to hold no match of the plan with this key, and whether a filter had a part in it. scratch is memory to build a key in.
func (a *Answers) Never(info *index.Info, planKey []byte, scratch *[]byte) (byFilter, known bool) {
	if planKey == nil || info.Head {
		return false, false
	}
	*scratch = append(append(append((*scratch)[:0], info.ID...), 1), planKey...)
	var value [1]byte
	why, ok := a.cache.HasGet(value[:0], *scratch)
	if !ok || len(why) != 1 {
		return false, false
	}
	return why[0] == neverByFilter, true
}

// RememberNever keeps that a part cannot match the plan with this key.
func (b *Bound) RememberNever(planKey []byte) {
	if planKey == nil || b.Info.Head {
		return
	}
	why := byte(neverByVocab)
	if b.Filtered {
		why = neverByFilter
	}
	b.answers.cache.Set(append(append([]byte(b.Info.ID), 1), planKey...), []byte{why})
}
