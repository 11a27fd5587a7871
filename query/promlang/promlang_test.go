package promlang

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
)

func newEngine(t *testing.T) *Engine {
	t.Helper()
	e := NewEngine(Options{Logger: promslog.NewNopLogger(), Samples: 1_000_000, Timeout: 10 * time.Second})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

var nothing = storage.QueryableFunc(func(int64, int64) (storage.Querier, error) { return storage.NoopQuerier(), nil })

// Subqueries that the engine would make room for before it evaluates anything are refused, however their steps come about.
func TestSteps(t *testing.T) {
	e := newEngine(t)
	now := time.Unix(1_700_000_000, 0)
	for _, c := range []struct {
		text    string
		span    time.Duration // of a range query; 0: an instant
		refused bool
	}{
		{"max_over_time(vector(1)[1000d:1ms])", 0, true},
		{"max_over_time(vector(1)[30d:15s])", 0, false},
		{"max_over_time(vector(1)[365d:5m])", 0, false},
		{"max_over_time(vector(1)[365d:])", 0, true},
		{"max_over_time(vector(1)[90d:])", 0, false},
		{"1 + sum(max_over_time(vector(1)[1d * 1000:1ms]))", 0, true},
		{"max_over_time(vector(time())[1h:1s])", 0, false},
		{"max_over_time(vector(time())[1h:1s])", 60 * time.Hour, true},                           // 61 hours of seconds
		{"max_over_time(max_over_time(vector(time())[1h:1s])[60h:1h])", 0, true},                 // and so within another
		{"max_over_time(max_over_time(vector(time())[1h:1s] @ 5)[60h:1h])", 0, false},            // but here it is evaluated once
		{"max_over_time(vector(1)[290y:1ms])", 290 * 365 * 24 * time.Hour, true},                 // no overflow
		{"max_over_time(max_over_time(vector(1)[290y:100y])[290y:1ms])", 0, true},                // nor here
		{"max_over_time(max_over_time(vector(1)[290y:1ms])[290y:100y] offset 1y)", 0, true},      // nor here
		{"max_over_time(vector(1)[1h:1s] @ end())", 0, false},                                    // with @
		{"max_over_time(vector(1)[1000d:1ms] @ end()) + max_over_time(vector(1)[1m:])", 0, true}, // below what is evaluated once
	} {
		var q promql.Query
		var err error
		if c.span == 0 {
			q, err = e.NewInstantQuery(t.Context(), nothing, nil, c.text, now)
		} else {
			q, err = e.NewRangeQuery(t.Context(), nothing, nil, c.text, now.Add(-c.span), now, time.Hour)
		}
		if c.refused != (err != nil && strings.Contains(err.Error(), "steps over the time")) {
			t.Errorf("%s over %v: %v; refused: %v", c.text, c.span, err, c.refused)
		}
		if err == nil {
			if res := q.Exec(t.Context()); res.Err != nil {
				t.Errorf("%s: %v", c.text, res.Err)
			}
			q.Close()
		}
	}
	if _, err := e.NewRangeQuery(t.Context(), nothing, nil, "1", now.Add(-time.Second), now, 100*time.Microsecond); err == nil {
		t.Error("a step of less than a millisecond passes")
	}
}

// Expressions that would take minutes to be parsed are refused at once, with the place where they become too long.
func TestLength(t *testing.T) {
	p := Parser()
	for name, text := range map[string]string{
		"parentheses": strings.Repeat("(", 200_000) + "1" + strings.Repeat(")", 200_000),
		"sums":        "1" + strings.Repeat("+1", 200_000),
		"functions":   strings.Repeat("abs(", 100_000) + "x" + strings.Repeat(")", 100_000),
	} {
		started := time.Now()
		_, err := p.ParseExpr(text)
		var all parser.ParseErrors
		if !errors.As(err, &all) || len(all) != 1 || all[0].PositionRange.Start == 0 || len(err.Error()) > 300 {
			t.Errorf("%s: %.300v", name, err)
		}
		if took := time.Since(started); took > 2*time.Second {
			t.Errorf("%s: refused after %v", name, took)
		}
	}
	for _, text := range []string{
		strings.Repeat("(", 2000) + "x" + strings.Repeat(")", 2000),
		`x{a=~"` + strings.Repeat("host-1234|", 10_000) + `z"}`, // what a dashboard asks of all hosts
	} {
		if _, err := p.ParseExpr(text); err != nil {
			t.Errorf("%.40s...: %.300v", text, err)
		}
	}
}
