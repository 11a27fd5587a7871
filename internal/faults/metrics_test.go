package faults

import (
	"strings"
	"testing"
)

func TestSumOf(t *testing.T) {
	const text = `# HELP clew_a_total Something.
clew_a_total{shard="0"} 3
clew_a_total{shard="1",note="a b"} 4
clew_a_total_more 100
clew_b 1.5e+09
`
	for name, want := range map[string]float64{"clew_a_total": 7, "clew_b": 1.5e9} {
		if sum, err := sumOf(strings.NewReader(text), name); err != nil || sum != want {
			t.Errorf("%s: %v, %v, want %v", name, sum, err, want)
		}
	}
	if sum, err := sumOf(strings.NewReader(text), "clew_a"); err == nil {
		t.Errorf("a metric that there is not is %v", sum)
	}
}
