package metrics

import (
	"math"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/annotations"
)

// A window of time stands for many points, and to PromQL each point is one. So that avg_over_time and count_over_time are what they are of all points, a window is two
// points to these functions: a weight, which says how many points there were, and a millisecond later their mean:
//
//	10:04:59.999  weight 20
//	10:05:00.000  0.75
//
// A weight is a NaN of its own, and stands before what it weighs. No other function is given any, and what has no weight weighs 1; so of points as they came
// nothing changes. The engine's functions are looked up by name when a query runs, and there is no other way in for what they do.

// weightMark are the upper bits of a weight, a quiet NaN that no arithmetic makes; the lower 40 are the number.
const (
	weightMark = 0xfffce3
	weightBits = 40
)

// weightOf makes a weight.
func weightOf(n uint64) float64 {
	return math.Float64frombits(weightMark<<weightBits | min(n, 1<<weightBits-1))
}

// isWeight reads one.
func isWeight(v float64) (n float64, ok bool) {
	b := math.Float64bits(v)
	return float64(b & (1<<weightBits - 1)), b>>weightBits == weightMark
}

// weighs says whether a function sees windows by their weights.
func (a asked) weighs() bool { return a.function == "avg_over_time" || a.function == "count_over_time" }

func init() {
	average, count := promql.FunctionCalls["avg_over_time"], promql.FunctionCalls["count_over_time"]
	promql.FunctionCalls["avg_over_time"] = func(v []promql.Vector, m promql.Matrix, args parser.Expressions, enh *promql.EvalNodeHelper) (promql.Vector, annotations.Annotations) {
		if !weighted(m) || len(m[0].Histograms) > 0 { // of doubles and histograms there is no mean
			return average(v, m, args, enh)
		}
		mean, n := weigh(m[0].Floats)
		if n == 0 {
			return enh.Out, nil
		}
		return append(enh.Out, promql.Sample{F: mean}), nil
	}
	promql.FunctionCalls["count_over_time"] = func(v []promql.Vector, m promql.Matrix, args parser.Expressions, enh *promql.EvalNodeHelper) (promql.Vector, annotations.Annotations) {
		if !weighted(m) {
			return count(v, m, args, enh)
		}
		_, n := weigh(m[0].Floats)
		if n += float64(len(m[0].Histograms)); n == 0 {
			return enh.Out, nil
		}
		return append(enh.Out, promql.Sample{F: n}), nil
	}
}

func weighted(m promql.Matrix) bool {
	if len(m) == 0 {
		return false
	}
	for _, p := range m[0].Floats {
		if _, ok := isWeight(p.F); ok {
			return true
		}
	}
	return false
}

// weigh is the mean of points, and how many there are.
func weigh(all []promql.FPoint) (mean, count float64) {
	sum, count := weighedSum(all, 1)
	if math.IsInf(sum, 0) { // more than a double holds: each is divided before it is added
		return weighedSum(all, 1/count)
	}
	return sum / count, count
}

// weighedSum adds up points, each times a factor, and says how many there are.
func weighedSum(all []promql.FPoint, factor float64) (total, count float64) {
	var sum, lost float64 // Neumaier's: what adding up has rounded away is kept aside
	next := 1.0
	for _, p := range all {
		if n, ok := isWeight(p.F); ok {
			next = n
			continue
		}
		x := p.F * (next * factor)
		t := sum + x
		switch {
		case math.IsInf(t, 0):
			lost = 0
		case math.Abs(sum) >= math.Abs(x):
			lost += sum - t + x
		default:
			lost += x - t + sum
		}
		sum = t
		count += next
		next = 1
	}
	return sum + lost, count
}
