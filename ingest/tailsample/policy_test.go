package tailsample

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.yaml.in/yaml/v3"
)

const ms = time.Millisecond

// Each policy is asked about traces of which it keeps some: k, and leaves out others: s.
func TestPolicies(t *testing.T) {
	attr := func(key string, v any) []span { return []span{{}, {attrs: map[string]any{key: v}}} }
	of := func(key string, v any) []span { return []span{{resource: map[string]any{key: v}}} }
	state := func(s string) []span { return []span{{state: s}} }
	took := func(start, d time.Duration) []span {
		return []span{{start: 0, duration: ms}, {start: start, duration: d}}
	}
	n := func(n int) []span { return make([]span, n) }
	status := func(codes ...ptrace.StatusCode) (out []span) {
		for _, c := range codes {
			out = append(out, span{status: c})
		}
		return out
	}
	for _, tc := range []struct {
		policies string
		traces   [][]span
		want     string
	}{
		{`[{name: a, type: always_sample}]`, [][]span{n(1)}, "k"},
		{`[{name: l, type: latency, latency: {threshold_ms: 500}}]`, [][]span{took(400*ms, 100*ms), took(400*ms, 99*ms), took(0, 2*time.Second)}, "ksk"},
		{`[{name: l, type: latency, latency: {threshold_ms: 500, upper_threshold_ms: 1000}}]`, [][]span{took(0, 500*ms), took(0, 501*ms), took(0, time.Second), took(0, 1001*ms)}, "skks"},
		{`[{name: e, type: status_code, status_code: {status_codes: [ERROR, UNSET]}}]`, [][]span{status(1), status(1, 2), status(0), status(1, 1)}, "skks"},
		{
			`[{name: n, type: numeric_attribute, numeric_attribute: {key: code, min_value: 500, max_value: 599}}]`,
			[][]span{attr("code", 500), attr("code", 600), attr("code", 599.0), attr("code", "500"), of("code", 501), n(1)},
			"kskSks",
		},
		{`[{name: n, type: numeric_attribute, numeric_attribute: {key: code, max_value: -1, invert_match: true}}]`, [][]span{attr("code", -1), attr("code", 0), n(1)}, "skk"},
		{`[{name: s, type: string_attribute, string_attribute: {key: service.name, values: [web, cart]}}]`, [][]span{of("service.name", "cart"), of("service.name", "carts"), attr("service.name", "web")}, "ksk"},
		{
			`[{name: s, type: string_attribute, string_attribute: {key: http.route, values: ['^/api/.*', 'health$'], enabled_regex_matching: true, cache_max_size: 10}}]`,
			[][]span{attr("http.route", "/api/x"), attr("http.route", "/x/health"), attr("http.route", "/x"), attr("http.route", 5)},
			"kkss",
		},
		{`[{name: s, type: string_attribute, string_attribute: {key: http.route, values: [/health], invert_match: true}}]`, [][]span{attr("http.route", "/health"), attr("http.route", "/x"), n(2)}, "skk"},
		{`[{name: b, type: boolean_attribute, boolean_attribute: {key: vip, value: true}}]`, [][]span{attr("vip", true), attr("vip", false), n(1), of("vip", true)}, "kssk"},
		{`[{name: t, type: trace_state, trace_state: {key: k, values: [v, w]}}]`, [][]span{state("a=b, k=w"), state("k=x"), state("kk=v"), n(1)}, "ksss"},
		{`[{name: c, type: span_count, span_count: {min_spans: 2, max_spans: 3}}]`, [][]span{n(1), n(2), n(3), n(4)}, "skks"},
		{`[{name: p, type: probabilistic, probabilistic: {sampling_percentage: 100}}]`, [][]span{n(1), n(1)}, "kk"},
		{`[{name: p, type: probabilistic, probabilistic: {sampling_percentage: 0}}]`, [][]span{n(1), n(1)}, "ss"},
		{`[{name: r, type: rate_limiting, rate_limiting: {spans_per_second: 5}}]`, [][]span{n(3), n(3), n(2), n(1)}, "ksks"},
		{
			`[{name: a, type: and, and: {and_sub_policy: [{name: e, type: status_code, status_code: {status_codes: [ERROR]}}, {name: c, type: span_count, span_count: {min_spans: 2}}]}}]`,
			[][]span{status(2), status(2, 1), status(1, 1)},
			"sks",
		},
		{`[{name: n, type: not, not: {not_sub_policy: {name: e, type: status_code, status_code: {status_codes: [ERROR]}}}}]`, [][]span{status(2), status(1)}, "sk"},
		{
			`[{name: a, type: always_sample}, {name: d, type: drop, drop: {drop_sub_policy: [{name: s, type: string_attribute, string_attribute: {key: http.route, values: [/health]}}]}}]`,
			[][]span{attr("http.route", "/health"), n(1)},
			"sk",
		},
		// The first that says yes decides, and spends its part. The second may spend 3 a second, the first 6.
		{
			`[{name: c, type: composite, composite: {max_total_spans_per_second: 9, policy_order: [two, one], rate_allocation: [{policy: two, percent: 67}, {policy: one, percent: 34}],
		   composite_sub_policy: [{name: one, type: always_sample}, {name: two, type: status_code, status_code: {status_codes: [ERROR]}}]}}]`,
			[][]span{status(2, 2, 2, 2), status(2, 2, 2), status(2, 2), status(1, 1, 1), status(1)},
			"",
		},
		{
			`[{name: c, type: composite, composite: {max_total_spans_per_second: 9, rate_allocation: [{policy: two, percent: 34}, {policy: one, percent: 66}],
		   composite_sub_policy: [{name: two, type: status_code, status_code: {status_codes: [ERROR]}}, {name: one, type: always_sample}]}}]`,
			[][]span{status(2, 2, 2, 2), status(2, 2, 2), status(2), status(1, 1, 1), status(1, 1, 1), status(1)},
			"sksks" + "k",
		},
	} {
		var cfg Config
		err := yaml.Unmarshal([]byte("policies: "+tc.policies), &cfg)
		if err != nil {
			t.Fatalf("%s: %v", tc.policies, err)
		}
		full := testConfig(cfg.Policies...)
		if tc.want == "" {
			if err := full.Validate(""); err == nil || !strings.Contains(err.Error(), "100 % in all") {
				t.Errorf("%s: error %v", tc.policies, err)
			}
			continue
		}
		r := newRun(t, full, 0)
		for i, spans := range tc.traces {
			for j := range spans {
				spans[j].trace = uint64(i) + 1
			}
			r.give(message{uint64(i) + 1, 0, spans}, false)
		}
		r.stage.Advance(logTime.Add(time.Minute))
		r.drain()
		got := ""
		for i := range tc.traces {
			got += r.out[uint64(i)+1][:1]
		}
		if want := strings.ToLower(tc.want); got != want {
			t.Errorf("%s: %s, want %s", tc.policies, got, want)
		}
	}
}

func TestProbabilisticShare(t *testing.T) {
	p, err := compile("", []Policy{{Name: "p", Type: "probabilistic", Probabilistic: &Probabilistic{SamplingPercentage: 12.5, HashSalt: "x"}}})
	if err != nil {
		t.Fatal(err)
	}
	kept := 0
	for i := range uint64(100_000) {
		if keep, _ := p.decide(&Trace{id: id(i)}, 0); keep {
			kept++
		}
	}
	if kept < 12_000 || kept > 13_000 {
		t.Errorf("kept %d of 100000, want about 12500", kept)
	}
}

// In a batch with more keys than columns, attributes are found in the overflow.
func TestManyKeys(t *testing.T) {
	r := newRun(t, testConfig(Policy{Name: "n", Type: "numeric_attribute", NumericAttribute: &NumericAttribute{Key: "key1999", MinValue: new(float64)}}), 0)
	var spans []span
	for i := range 2000 {
		spans = append(spans, span{trace: uint64(i) + 1, attrs: map[string]any{fmt.Sprint("key", i): i}})
	}
	r.give(message{1, 0, spans}, false)
	r.stage.Advance(logTime.Add(time.Minute))
	r.drain()
	if out := r.out[1]; strings.Count(out, "k") != 1 || out[1999] != 'k' {
		t.Errorf("kept %d", strings.Count(out, "k"))
	}
}

func TestValidate(t *testing.T) {
	for text, want := range map[string]string{
		`[{type: always_sample}]`:                       "policies[0].name: want a name",
		`[{name: x, type: sometimes}]`:                  `policies[0].type: "sometimes": want one of always_sample, and,`,
		`[{name: x, type: latency}]`:                    "policies[0].latency: is missing",
		`[{name: x, type: always_sample, latency: {}}]`: `policies[0].latency: the type is "always_sample"`,
		`[{name: x, type: string_attribute, string_attribute: {key: k, values: ['('], enabled_regex_matching: true}}]`: "policies[0].string_attribute.values[0]: error parsing regexp",
		`[{name: x, type: string_attribute, string_attribute: {values: [a]}}]`:                                         "policies[0].string_attribute.key: want the name",
		`[{name: x, type: status_code, status_code: {status_codes: [FAILED]}}]`:                                        `status_codes[0]: "failed": want OK, ERROR or UNSET`,
		`[{name: x, type: probabilistic, probabilistic: {sampling_percentage: 101}}]`:                                  "sampling_percentage: 101: want 0 to 100",
		`[{name: x, type: always_sample}, {name: x, type: always_sample}]`:                                             `policies[1].name: "x" is there twice`,
		`[{name: x, type: drop, drop: {drop_sub_policy: [{name: a, type: always_sample}]}}]`:                           "only policies that drop",
		`[{name: x, type: and, and: {and_sub_policy: [{name: y, type: drop}]}}]`:                                       `and_sub_policy[0].type: "drop" stands only at the top`,
		`[{name: x, type: rate_limiting, rate_limiting: {}}]`:                                                          "spans_per_second: 0: want 1 or more",
		`[{name: x, type: latency, latency: {threshold_ms: 5, upper_threshold_ms: 4}}]`:                                "upper_threshold_ms: 4: want more",
		`[{name: x, type: not, not: {not_sub_policy: {name: y, type: and, and: {}}}}]`:                                 "and_sub_policy: want at least one policy",
	} {
		var cfg Config
		if err := yaml.Unmarshal([]byte("policies: "+text), &cfg); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		full := testConfig(cfg.Policies...)
		if err := full.Validate("tail_sampling."); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "tail_sampling.policies") {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	many := testConfig()
	for i := range leavesMax + 1 {
		p := errorsPolicy
		p.Name = fmt.Sprint("p", i)
		many.Policies = append(many.Policies, p)
	}
	if err := many.Validate(""); err == nil || !strings.Contains(err.Error(), "want at most 64") {
		t.Errorf("65 conditions: %v", err)
	}
}
