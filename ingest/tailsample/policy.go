package tailsample

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cespare/xxhash/v2"
)

// policies is Config.Policies made ready: the conditions on single spans, whose outcomes a trace collects as bits, and the trees above them.
type policies struct {
	leaves []leaf
	drops  []named
	keeps  []named
}

type named struct {
	name string
	ask  evaluator
}

// evaluator says whether a policy would keep a trace. second is the log's, in which the decision falls: budgets are by second.
type evaluator func(t *Trace, second int64) bool

// noPolicy is what a trace is dropped by that no policy keeps.
const noPolicy = "(none)"

// decide says whether the trace is kept, and which policy said so.
func (p *policies) decide(t *Trace, second int64) (keep bool, policy string) {
	for _, d := range p.drops {
		if d.ask(t, second) {
			return false, d.name
		}
	}
	for _, k := range p.keeps {
		if k.ask(t, second) {
			return true, k.name
		}
	}
	return false, noPolicy
}

// compile makes policies ready. The error has all that is wrong, each with its key, which path begins.
func compile(path string, list []Policy) (*policies, error) {
	c := compiler{path: path, out: &policies{}}
	seen := map[string]bool{}
	for i, p := range list {
		key := fmt.Sprintf("policies[%d]", i)
		if seen[p.Name] && p.Name != "" {
			c.bad(key+".name", "%q is there twice", p.Name)
		}
		seen[p.Name] = true
		n := named{p.Name, c.policy(key, &p, 1)}
		if p.Type == "drop" {
			c.out.drops = append(c.out.drops, n)
		} else {
			c.out.keeps = append(c.out.keeps, n)
		}
	}
	if len(list) > 0 && len(c.out.keeps) == 0 {
		c.bad("policies", "there are only policies that drop: add one of type always_sample")
	}
	if n := len(c.out.leaves); n > leavesMax {
		c.bad("policies", "%d conditions on attributes, states and trace states: want at most %d", n, leavesMax)
	}
	return c.out, errors.Join(c.errs...)
}

type compiler struct {
	path string
	out  *policies
	errs []error
}

func (c *compiler) bad(key, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s%s: %s", c.path, key, fmt.Sprintf(format, args...)))
}

// types are the types of policies. Depth 1 is the top.
var types = map[string]func(c *compiler, key string, p *Policy, depth int) evaluator{}

func init() { // a map literal would be an initialization cycle: policies are in policies
	types["always_sample"] = func(*compiler, string, *Policy, int) evaluator { return func(*Trace, int64) bool { return true } }
	types["latency"] = (*compiler).latency
	types["numeric_attribute"] = (*compiler).numeric
	types["probabilistic"] = (*compiler).probabilistic
	types["status_code"] = (*compiler).status
	types["string_attribute"] = (*compiler).text
	types["boolean_attribute"] = (*compiler).boolean
	types["trace_state"] = (*compiler).traceState
	types["span_count"] = (*compiler).spanCount
	types["rate_limiting"] = (*compiler).rate
	types["and"] = (*compiler).and
	types["not"] = (*compiler).not
	types["drop"] = (*compiler).drop
	types["composite"] = (*compiler).composite
}

func never(*Trace, int64) bool { return false }

// policy makes one ready. What is wrong is noted.
func (c *compiler) policy(key string, p *Policy, depth int) evaluator {
	if p.Name == "" {
		c.bad(key+".name", "want a name: counters have it")
	}
	if depth > depthMax {
		c.bad(key, "policies within policies: want at most %d", depthMax)
		return never
	}
	f, ok := types[p.Type]
	if !ok {
		var names []string
		for name := range types {
			names = append(names, name)
		}
		slices.Sort(names)
		c.bad(key+".type", "%q: want one of %s", p.Type, strings.Join(names, ", "))
		return never
	}
	for name, given := range p.given() {
		if given && name != p.Type {
			c.bad(key+"."+name, "the type is %q", p.Type)
		}
		if !given && name == p.Type {
			c.bad(key+"."+name, "is missing")
			return never
		}
	}
	return f(c, key+"."+p.Type, p, depth)
}

// given says which settings are there, by the type that they are for.
func (p *Policy) given() map[string]bool {
	return map[string]bool{
		"latency": p.Latency != nil, "numeric_attribute": p.NumericAttribute != nil, "probabilistic": p.Probabilistic != nil,
		"status_code": p.StatusCode != nil, "string_attribute": p.StringAttribute != nil, "boolean_attribute": p.BooleanAttribute != nil,
		"trace_state": p.TraceState != nil, "span_count": p.SpanCount != nil, "rate_limiting": p.RateLimiting != nil,
		"and": p.And != nil, "not": p.Not != nil, "drop": p.Drop != nil, "composite": p.Composite != nil,
	}
}

func (c *compiler) latency(key string, p *Policy, _ int) evaluator {
	lo, hi := p.Latency.ThresholdMs, p.Latency.UpperThresholdMs
	if lo < 0 || lo > latencyMsMax {
		c.bad(key+".threshold_ms", "%d: want 0 or more", lo)
	}
	if hi != 0 && hi <= lo || hi > latencyMsMax {
		c.bad(key+".upper_threshold_ms", "%d: want more than threshold_ms, or 0 for none", hi)
	}
	lo, hi = lo*1e6, hi*1e6
	if hi == 0 {
		return func(t *Trace, _ int64) bool { return t.latest-t.earliest >= lo }
	}
	return func(t *Trace, _ int64) bool { d := t.latest - t.earliest; return d > lo && d <= hi }
}

func (c *compiler) probabilistic(key string, p *Policy, _ int) evaluator {
	percent, salt := p.Probabilistic.SamplingPercentage, xxhash.Sum64String(p.Probabilistic.HashSalt)
	if !(percent >= 0 && percent <= 100) {
		c.bad(key+".sampling_percentage", "%v: want 0 to 100", percent)
		return never
	}
	if percent == 100 {
		return func(*Trace, int64) bool { return true }
	}
	bound := uint64(percent / 100 * (1 << 63) * 2)
	return func(t *Trace, _ int64) bool {
		var text [24]byte
		binary.LittleEndian.PutUint64(text[:], salt)
		copy(text[8:], t.id[:])
		return xxhash.Sum64(text[:]) < bound
	}
}

func (c *compiler) spanCount(key string, p *Policy, _ int) evaluator {
	lo, hi := p.SpanCount.MinSpans, p.SpanCount.MaxSpans
	if lo < 0 || hi < 0 || hi != 0 && hi < lo {
		c.bad(key, "%d to %d spans: want 0 <= min_spans <= max_spans, or max_spans 0 for no bound", lo, hi)
	}
	return func(t *Trace, _ int64) bool { return t.spans >= lo && (hi == 0 || t.spans <= hi) }
}

// budget is so many spans in a second.
type budget struct {
	perSecond, second, spent int64
}

func (b *budget) take(spans int, second int64) bool {
	if second != b.second {
		b.second, b.spent = second, 0
	}
	if b.spent+int64(spans) > b.perSecond {
		return false
	}
	b.spent += int64(spans)
	return true
}

func (c *compiler) rate(key string, p *Policy, _ int) evaluator {
	b := &budget{perSecond: p.RateLimiting.SpansPerSecond}
	if b.perSecond < 1 {
		c.bad(key+".spans_per_second", "%d: want 1 or more", b.perSecond)
	}
	return func(t *Trace, second int64) bool { return b.take(t.spans, second) }
}

// list makes the policies of a list ready.
func (c *compiler) list(key string, list []Policy, depth int) []evaluator {
	if len(list) == 0 {
		c.bad(key, "want at least one policy")
	}
	var out []evaluator
	for i := range list {
		sub := fmt.Sprintf("%s[%d]", key, i)
		if t := list[i].Type; t == "drop" {
			c.bad(sub+".type", "%q stands only at the top", t)
			continue
		}
		out = append(out, c.policy(sub, &list[i], depth+1))
	}
	return out
}

func all(list []evaluator) evaluator {
	return func(t *Trace, second int64) bool {
		for _, e := range list {
			if !e(t, second) {
				return false
			}
		}
		return true
	}
}

func (c *compiler) and(key string, p *Policy, depth int) evaluator {
	return all(c.list(key+".and_sub_policy", p.And.SubPolicies, depth))
}

func (c *compiler) drop(key string, p *Policy, depth int) evaluator {
	return all(c.list(key+".drop_sub_policy", p.Drop.SubPolicies, depth))
}

func (c *compiler) not(key string, p *Policy, depth int) evaluator {
	sub := all(c.list(key+".not_sub_policy", []Policy{p.Not.SubPolicy}, depth))
	return func(t *Trace, second int64) bool { return !sub(t, second) }
}

func (c *compiler) composite(key string, p *Policy, depth int) evaluator {
	cfg := p.Composite
	if cfg.MaxTotalSpansPerSecond < 1 {
		c.bad(key+".max_total_spans_per_second", "%d: want 1 or more", cfg.MaxTotalSpansPerSecond)
	}
	type part struct {
		ask    evaluator
		budget budget
	}
	parts := map[string]*part{}
	var order []string
	asks := c.list(key+".composite_sub_policy", cfg.SubPolicies, depth)
	if len(asks) != len(cfg.SubPolicies) {
		return never
	}
	for i, sub := range cfg.SubPolicies {
		parts[sub.Name] = &part{asks[i], budget{perSecond: cfg.MaxTotalSpansPerSecond / int64(len(asks))}}
		order = append(order, sub.Name)
	}
	percents := int64(0)
	for i, a := range cfg.RateAllocation {
		percents += a.Percent
		if p := parts[a.Policy]; p == nil || a.Percent < 0 || percents > 100 {
			c.bad(fmt.Sprintf("%s.rate_allocation[%d]", key, i), "%d %% for %q: want one of composite_sub_policy, 100 %% in all", a.Percent, a.Policy)
		} else {
			p.budget.perSecond = cfg.MaxTotalSpansPerSecond * a.Percent / 100
		}
	}
	if len(cfg.PolicyOrder) > 0 {
		order = cfg.PolicyOrder
	}
	var list []*part
	for i, name := range order {
		if parts[name] == nil {
			c.bad(fmt.Sprintf("%s.policy_order[%d]", key, i), "%q: want one of composite_sub_policy", name)
			return never
		}
		list = append(list, parts[name])
	}
	return func(t *Trace, second int64) bool {
		for _, p := range list {
			if p.ask(t, second) {
				return p.budget.take(t.spans, second)
			}
		}
		return false
	}
}
