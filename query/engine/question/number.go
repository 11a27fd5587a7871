package question

import (
	"math"
	"strconv"

	"clew/index/vocabulary"
	"clew/query/lang"
)

// numbers is an interval of numbers, in the two forms that columns have.
type numbers struct {
	Lo, Hi         int64 // inclusive; lo > hi if no integer is meant
	flo, fhi       float64
	loOpen, hiOpen bool // whether flo, fhi are outside
}

func (n *numbers) hasInt(v int64) bool { return v >= n.Lo && v <= n.Hi }

func (n *numbers) HasDouble(v float64) bool {
	return (v > n.flo || v == n.flo && !n.loOpen) && (v < n.fhi || v == n.fhi && !n.hiOpen)
}

// HasText says whether the text of a number is inside.
func (n *numbers) HasText(s []byte) bool {
	if v, err := strconv.ParseInt(string(s), 10, 64); err == nil {
		return n.hasInt(v)
	}
	v, err := strconv.ParseFloat(string(s), 64)
	return err == nil && n.HasDouble(v)
}

// IntsBetween is the integers from lo to hi, inclusive.
func IntsBetween(lo, hi int64) numbers {
	return numbers{Lo: lo, Hi: hi, flo: float64(lo), fhi: float64(hi)}
}

// compared is the numbers v for which "v op q" holds. OpMatch is equality.
func compared(op lang.Op, q lang.Quantity) numbers {
	n := numbers{Lo: math.MinInt64, Hi: math.MaxInt64, flo: math.Inf(-1), fhi: math.Inf(1)}
	below, above := floorInt(q), ceilInt(q)
	switch op {
	case lang.OpMatch, lang.OpEqual:
		n.flo, n.fhi = q.Float, q.Float
		if !q.Exact {
			n.Lo, n.Hi = 1, 0
			return n
		}
		n.Lo, n.Hi = q.Int, q.Int
	case lang.OpGreaterEqual:
		n.flo, n.Lo = q.Float, above
		if q.Float >= 1<<63 && !q.Exact {
			n.Lo, n.Hi = 1, 0
		}
	case lang.OpLessEqual:
		n.fhi, n.Hi = q.Float, below
		if q.Float < -(1<<63) && !q.Exact {
			n.Lo, n.Hi = 1, 0
		}
	case lang.OpGreater:
		n.flo, n.loOpen = q.Float, true
		if below == math.MaxInt64 {
			n.Lo, n.Hi = 1, 0
		} else if !q.Exact && q.Float < -(1<<63) {
			n.Lo = math.MinInt64
		} else {
			n.Lo = below + 1
		}
	case lang.OpLess:
		n.fhi, n.hiOpen = q.Float, true
		if above == math.MinInt64 {
			n.Lo, n.Hi = 1, 0
		} else if !q.Exact && q.Float >= 1<<63 {
			n.Hi = math.MaxInt64
		} else {
			n.Hi = above - 1
		}
	}
	return n
}

// floorInt is the largest integer that is not above q, as far as int64 goes.
func floorInt(q lang.Quantity) int64 {
	if q.Exact {
		return q.Int
	}
	return clampInt(math.Floor(q.Float))
}

func ceilInt(q lang.Quantity) int64 {
	if q.Exact {
		return q.Int
	}
	return clampInt(math.Ceil(q.Float))
}

func clampInt(f float64) int64 {
	switch {
	case f >= 1<<63:
		return math.MaxInt64
	case f < -(1 << 63):
		return math.MinInt64
	}
	return int64(f)
}

// quantityMatcher matches texts that are numbers, durations or amounts of bytes in an interval: senders often send those as strings.
type quantityMatcher struct {
	in  numbers
	key string
}

func (m *quantityMatcher) Template(t []byte, _ vocabulary.HoleFilter) vocabulary.Answer {
	return AnswerWithoutHoles(m, t)
}

func (m *quantityMatcher) Text(s []byte) bool {
	if len(s) == 0 || len(s) > 64 || s[0] > '9' {
		return false
	}
	q, ok := lang.ParseQuantity(string(s), epoch)
	switch {
	case !ok || q.Unit == lang.UnitTime:
		return false
	case q.Exact:
		return m.in.hasInt(q.Int)
	}
	return m.in.HasDouble(q.Float)
}

func (m *quantityMatcher) Words() []uint64 { return nil }
func (m *quantityMatcher) String() string  { return m.key }

// AnswerWithoutHoles decides what needs no template logic: a template without holes is its only text.
func AnswerWithoutHoles(m vocabulary.Matcher, t []byte) vocabulary.Answer {
	for _, c := range t {
		if vocabulary.IsHole(c) {
			return vocabulary.May
		}
	}
	if m.Text(t) {
		return vocabulary.Always
	}
	return vocabulary.Never
}
