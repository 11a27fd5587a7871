package tailsample

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"clew/internal/telemetry"
)

// leaf is a condition on a single span. A trace has its bit once one of its spans fulfils it.
type leaf struct {
	field string // a field of the span; "": an attribute of the span or of its resource
	key   string
	// The functions that are not nil say which types of values can fulfil it.
	text    func(string) bool
	number  func(float64) bool
	boolean func(bool) bool
}

// leaf adds a condition and gives the evaluator of its bit.
func (c *compiler) leaf(key string, l leaf, invert bool) evaluator {
	if l.field == "" && l.key == "" {
		c.bad(key+".key", "want the name of an attribute")
	}
	bit := uint64(1) << (len(c.out.leaves) % leavesMax) // too many are refused
	c.out.leaves = append(c.out.leaves, l)
	return func(t *Trace, _ int64) bool { return (t.bits&bit != 0) != invert }
}

func (c *compiler) status(key string, p *Policy, _ int) evaluator {
	var want []string
	for i, code := range p.StatusCode.StatusCodes {
		code = strings.ToLower(code)
		if !slices.Contains([]string{"ok", "error", "unset"}, code) {
			c.bad(fmt.Sprintf("%s.status_codes[%d]", key, i), "%q: want OK, ERROR or UNSET", code)
		}
		want = append(want, code)
	}
	if len(want) == 0 {
		c.bad(key+".status_codes", "want at least one of OK, ERROR and UNSET")
	}
	return c.leaf(key, leaf{field: telemetry.FieldStatus, text: func(s string) bool { return slices.Contains(want, s) }}, false)
}

// oneOf says whether a text is one of the values, or matched by one of them.
func (c *compiler) oneOf(key string, values []string, regex bool) func(string) bool {
	if len(values) == 0 {
		c.bad(key+".values", "want at least one value")
	}
	if !regex {
		return func(s string) bool { return slices.Contains(values, s) }
	}
	var list []*regexp.Regexp
	for i, v := range values {
		re, err := regexp.Compile(v)
		if err != nil {
			c.bad(fmt.Sprintf("%s.values[%d]", key, i), "%v", err)
			continue
		}
		list = append(list, re)
	}
	return func(s string) bool {
		return slices.ContainsFunc(list, func(re *regexp.Regexp) bool { return re.MatchString(s) })
	}
}

func (c *compiler) text(key string, p *Policy, _ int) evaluator {
	a := p.StringAttribute
	return c.leaf(key, leaf{key: a.Key, text: c.oneOf(key, a.Values, a.EnabledRegexMatching)}, a.InvertMatch)
}

func (c *compiler) numeric(key string, p *Policy, _ int) evaluator {
	a := p.NumericAttribute
	lo, hi := math.Inf(-1), math.Inf(1)
	if a.MinValue == nil && a.MaxValue == nil {
		c.bad(key, "want min_value, max_value or both")
	}
	if a.MinValue != nil {
		lo = *a.MinValue
	}
	if a.MaxValue != nil {
		hi = *a.MaxValue
	}
	if lo > hi {
		c.bad(key, "min_value %v exceeds max_value %v", lo, hi)
	}
	return c.leaf(key, leaf{key: a.Key, number: func(v float64) bool { return v >= lo && v <= hi }}, a.InvertMatch)
}

func (c *compiler) boolean(key string, p *Policy, _ int) evaluator {
	a := p.BooleanAttribute
	return c.leaf(key, leaf{key: a.Key, boolean: func(v bool) bool { return v == a.Value }}, a.InvertMatch)
}

func (c *compiler) traceState(key string, p *Policy, _ int) evaluator {
	want, name := c.oneOf(key, p.TraceState.Values, false), p.TraceState.Key
	if name == "" {
		c.bad(key+".key", "want a key of the trace state")
	}
	return c.leaf(key, leaf{field: telemetry.FieldTraceState, text: func(state string) bool {
		for member := range strings.SplitSeq(state, ",") {
			if k, v, ok := strings.Cut(strings.TrimSpace(member), "="); ok && k == name && want(v) {
				return true
			}
		}
		return false
	}}, false)
}

// reads says whether a column may hold what the leaf asks for.
func (l *leaf) reads(c telemetry.Column) bool {
	if l.field != "" {
		return c.Level == telemetry.LevelField && c.Key == l.field && c.Type == telemetry.TypeString
	}
	if c.Level != telemetry.LevelRecord && c.Level != telemetry.LevelResource || c.Key != l.key {
		return false
	}
	switch c.Type {
	case telemetry.TypeString:
		return l.text != nil
	case telemetry.TypeInt, telemetry.TypeDouble:
		return l.number != nil
	case telemetry.TypeBool:
		return l.boolean != nil
	}
	return false
}

// mark sets bit in the rows of a column that fulfil the leaf. Values of a dictionary are looked at once each.
func (l *leaf) mark(bits []uint64, bit uint64, t telemetry.Type, cells *telemetry.Cells) {
	set := func(ok func(row int) bool) {
		for row := range bits {
			if cells.Valid(row) && ok(row) {
				bits[row] |= bit
			}
		}
	}
	switch t {
	case telemetry.TypeString:
		codes := cells.Codes()
		if codes == nil {
			set(func(row int) bool { return l.text(string(cells.Bytes(row))) })
			return
		}
		good := make([]bool, cells.Texts())
		for i := range good {
			good[i] = l.text(string(cells.Text(i)))
		}
		set(func(row int) bool { return good[codes[row]] })
	case telemetry.TypeInt:
		set(func(row int) bool { return l.number(float64(cells.Int(row))) })
	case telemetry.TypeDouble:
		set(func(row int) bool { return l.number(cells.Double(row)) })
	case telemetry.TypeBool:
		set(func(row int) bool { return l.boolean(cells.Bool(row)) })
	}
}

// markOverflow does so for attributes that have no column, in a batch with very many keys.
func markOverflow(leaves []leaf, bits []uint64, cells *telemetry.Cells) error {
	for row := range bits {
		if !cells.Valid(row) {
			continue
		}
		m := pcommon.NewMap()
		if err := telemetry.ParseMap(string(cells.Bytes(row)), m); err != nil {
			return fmt.Errorf("overflow of row %d: %w", row, err)
		}
		for i, l := range leaves {
			if v, ok := m.Get(l.key); ok && l.field == "" && l.holds(v) {
				bits[row] |= 1 << i
			}
		}
	}
	return nil
}

func (l *leaf) holds(v pcommon.Value) bool {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return l.text != nil && l.text(v.Str())
	case pcommon.ValueTypeInt:
		return l.number != nil && l.number(float64(v.Int()))
	case pcommon.ValueTypeDouble:
		return l.number != nil && l.number(v.Double())
	case pcommon.ValueTypeBool:
		return l.boolean != nil && l.boolean(v.Bool())
	}
	return false
}
