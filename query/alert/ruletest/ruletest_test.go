package ruletest

import (
	"strings"
	"testing"
)

func TestPasses(t *testing.T) {
	results, err := Run(t.Context(), "testdata/payment_test.yml")
	if err != nil || len(results) != 3 {
		t.Fatalf("%v, %d results", err, len(results))
	}
	for _, r := range results {
		if len(r.Failures) > 0 {
			t.Errorf("%s:\n%s", r.Name, strings.Join(r.Failures, "\n"))
		}
	}
}

// A test that fails says where and how.
func TestFails(t *testing.T) {
	results, err := Run(t.Context(), "testdata/failing_test.yml")
	if err != nil || len(results) != 2 {
		t.Fatalf("%v, %d results", err, len(results))
	}
	have := strings.Join(append(results[0].Failures, results[1].Failures...), "\n")
	for _, want := range []string{
		"failing_test.yml:7:9: Down at 5m: - expected, + fires:", "a has 1",
		"failing_test.yml:9:9: no rule is named Dwon",
		"failing_test.yml:12:9: sum(up) at 1m",
		"failing_test.yml:14:11: logs: line 1: severity \"loud\"",
	} {
		if !strings.Contains(have, want) {
			t.Errorf("lacks %q:\n%s", want, have)
		}
	}
	if len(results[0].Failures) != 3 || len(results[1].Failures) != 1 {
		t.Errorf("failures:\n%s", have)
	}
}

func TestTimes(t *testing.T) {
	at, err := times("2m+1sx3")
	if err != nil || len(at) != 4 || at[3].Seconds() != 123 {
		t.Fatalf("%v %v", at, err)
	}
	for _, bad := range []string{"", "x", "1m+", "1m+1s", "1m+1sx-1", "1m+1sx999999999"} {
		if _, err := times(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
