package clustertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/query/api"
)

// question is a question whose answer is a number that is known.
type question struct {
	name string
	ask  func(ctx context.Context, of *harness.Process, k tally) (have int, partial []string, err error)
	want func(k tally) int
}

// before are the parameters of a question about everything before a time.
func before(k tally, signal string) url.Values {
	return url.Values{"signal": {signal}, "query": {"service:checker"}, "end": {strconv.FormatInt(k.at.UnixNano(), 10)}, "start": {strconv.FormatInt(k.at.Add(-time.Hour).UnixNano(), 10)}}
}

func ask[A any](ctx context.Context, of *harness.Process, path string, params url.Values, answer func(*A) (int, api.Stats)) (int, []string, error) {
	var a A
	if err := of.Get(ctx, path, params, &a); err != nil {
		return 0, nil, err
	}
	n, stats := answer(&a)
	return n, stats.Reasons, nil
}

// promAnswer is an answer of Prometheus' API with one number in it.
type promAnswer struct {
	Warnings []string
	Data     struct {
		Result []struct{ Value [2]any }
	}
}

func promNumber(ctx context.Context, of *harness.Process, query string, at time.Time) (int, []string, error) {
	var a promAnswer
	if err := of.Get(ctx, "/prometheus/api/v1/query", url.Values{"query": {query}, "time": {strconv.FormatFloat(float64(at.UnixMilli())/1000, 'f', 3, 64)}}, &a); err != nil {
		return 0, nil, err
	}
	if len(a.Data.Result) != 1 {
		return 0, a.Warnings, nil
	}
	text, _ := a.Data.Result[0].Value[1].(string)
	n, err := strconv.Atoi(text)
	return n, a.Warnings, err
}

// questions are of all kinds: over all records, over one, grouped, in order, of a trace, and in PromQL.
var questions = []question{
	{"count of logs", func(ctx context.Context, of *harness.Process, k tally) (int, []string, error) {
		return ask(ctx, of, "/api/v1/count", before(k, "logs"), func(a *api.Count) (int, api.Stats) { return int(a.Count), a.Stats })
	}, func(k tally) int { return k.logs }},
	{"count of spans", func(ctx context.Context, of *harness.Process, k tally) (int, []string, error) {
		return ask(ctx, of, "/api/v1/count", before(k, "spans"), func(a *api.Count) (int, api.Stats) { return int(a.Count), a.Stats })
	}, func(k tally) int { return k.spans }},
	{"logs by host", func(ctx context.Context, of *harness.Process, k tally) (int, []string, error) {
		params := before(k, "logs")
		params.Set("by", "resource.host.name")
		return ask(ctx, of, "/api/v1/count", params, func(a *api.Count) (int, api.Stats) {
			n := 0
			for _, g := range a.Groups {
				n += int(g.Count)
			}
			return n, a.Stats
		})
	}, func(k tally) int { return k.logs }},
	{"histogram of logs", func(ctx context.Context, of *harness.Process, k tally) (int, []string, error) {
		return ask(ctx, of, "/api/v1/histogram", before(k, "logs"), func(a *api.Histogram) (int, api.Stats) {
			n := 0
			for _, s := range a.Series {
				for _, c := range s.Counts {
					n += int(c)
				}
			}
			return n, a.Stats
		})
	}, func(k tally) int { return k.logs }},
	{"the newest log records", func(ctx context.Context, of *harness.Process, k tally) (int, []string, error) {
		params := before(k, "logs")
		params.Set("query", fmt.Sprintf("tick%d", k.log))
		return ask(ctx, of, "/api/v1/search", params, func(a *api.Search) (int, api.Stats) { return max(len(a.Logs), len(a.Spans)), a.Stats })
	}, func(k tally) int { return min(logsPerTick, k.logs) }},
	{"the newest trace", func(ctx context.Context, of *harness.Process, k tally) (int, []string, error) {
		n, partial, err := ask(ctx, of, "/api/v1/traces/"+traceID(k.trace).String(), url.Values{}, func(a *api.Trace) (int, api.Stats) { return len(a.Spans), a.Stats })
		// What is not found has no answer to be partial: the words say so.
		if err != nil && strings.Contains(err.Error(), "as far as could be read: ") {
			return 0, []string{err.Error()}, nil
		}
		return n, partial, err
	}, func(tally) int { return spansPerTick }},
	{"traces", func(ctx context.Context, of *harness.Process, k tally) (int, []string, error) {
		params := before(k, "spans")
		params.Del("signal")
		params.Set("limit", "50")
		return ask(ctx, of, "/api/v1/traces", params, func(a *api.Traces) (int, api.Stats) {
			n := 0
			for _, s := range a.Traces {
				n += s.Spans
			}
			return n, a.Stats
		})
	}, func(k tally) int { return min(50*spansPerTick, k.spans) }},
	{"points, by PromQL", func(ctx context.Context, of *harness.Process, k tally) (int, []string, error) {
		return promNumber(ctx, of, "sum(count_over_time(checker_value[1h]))", k.at.Add(-tickEvery))
	}, func(k tally) int { return k.points }},
	{"series, by PromQL", func(ctx context.Context, of *harness.Process, k tally) (int, []string, error) {
		return promNumber(ctx, of, "count(count_over_time(checker_value[1h]))", k.at.Add(-tickEvery))
	}, func(k tally) int { return min(hosts, k.points) }},
}

// long is how long something is watched: ten times as long in the long form.
func long(d time.Duration) time.Duration {
	if os.Getenv("CLEW_SOAK") != "" {
		return 10 * d
	}
	return d
}

// inquiry is what came of asking.
type inquiry struct {
	asked, partial int
	reasons        map[string]int
	slowest        time.Duration
}

// askFor asks all questions of processes for a while. An answer is whole and right, or it says what is missing. partial, if it is not nil, says whether a partial
// answer is all right; nil: only one that an owner on a busy machine is behind with.
func askFor(t *testing.T, l *traffic, of func() []*harness.Process, d time.Duration, partial func(name string, reasons []string) error) *inquiry {
	t.Helper()
	q := &inquiry{reasons: map[string]int{}}
	for end := time.Now().Add(d); time.Now().Before(end) && !t.Failed(); {
		list := of()
		p := list[rand.IntN(len(list))]
		one := questions[rand.IntN(len(questions))]
		k := l.known()
		q.one(t, one, p, k, partial)
	}
	return q
}

func (q *inquiry) one(t *testing.T, one question, p *harness.Process, k tally, partial func(name string, reasons []string) error) {
	t.Helper()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	have, reasons, err := one.ask(ctx, p, k)
	if err != nil {
		t.Errorf("%s: %v", one.name, err)
		return
	}
	q.asked++
	q.slowest = max(q.slowest, time.Since(began))
	want := one.want(k)
	switch {
	case len(reasons) > 0 && partial == nil && !onlyBehind(reasons):
		t.Errorf("%s: partial: %q", one.name, reasons)
	case len(reasons) > 0:
		q.partial++
		q.reasons[strings.Join(reasons, "; ")]++
		if partial != nil {
			if err := partial(one.name, reasons); err != nil {
				t.Errorf("%s: %q: %v", one.name, reasons, err)
			}
		}
		if have > want {
			t.Errorf("%s: partial, and %d, of %d", one.name, have, want)
		}
	case have != want:
		t.Errorf("%s: %d, want %d (before %s)", one.name, have, want, k.at)
	}
}

func (q *inquiry) String() string {
	return fmt.Sprintf("%d asked, %d partial, slowest %s %v", q.asked, q.partial, q.slowest.Round(time.Millisecond), q.reasons)
}

// onlyBehind says whether answers lack nothing but what an owner has not read yet, as on a machine that is busy for seconds.
func onlyBehind(reasons []string) bool {
	return !slices.ContainsFunc(strings.Split(strings.Join(reasons, "; "), "; "), func(r string) bool {
		return !strings.Contains(r, "acknowledged records wait in its log") && !strings.Contains(r, "acknowledged records may wait there")
	})
}

// namesShard wants a partial answer to say which shard is missing.
func namesShard(_ string, reasons []string) error {
	for _, r := range reasons {
		if !strings.Contains(r, "shard ") {
			return errors.New("does not say which shard is missing")
		}
	}
	return nil
}

// smallSegments makes heads be sealed every few seconds, so that records move from heads to segments, and to merged ones, while they are asked for.
const smallSegments = "ingest: {seal_after: 3s}\n"

// wholeWithin asks until answers are whole again, and says how long that took.
func wholeWithin(t *testing.T, l *traffic, of func() []*harness.Process, most time.Duration) time.Duration {
	t.Helper()
	began := time.Now()
	for {
		lacking := 0
		for _, p := range of() {
			for _, one := range questions {
				q := &inquiry{reasons: map[string]int{}}
				q.one(t, one, p, l.known(), namesShard)
				lacking += q.partial
			}
		}
		took := time.Since(began)
		if lacking == 0 || t.Failed() {
			return took
		}
		if took > most {
			t.Fatalf("answers are partial still after %s", took)
		}
	}
}

// TestQueries: over heads and segments of all processes, from any query process, answers are exact while records come in and are sealed. While the owner of shards is dead they
// say which shard is missing, and are whole again within 15 seconds; while a query process is dead the other answers everything.
func TestQueries(t *testing.T) {
	c := startWith(t, Options{Shards: 2, Config: smallSegments, Roles: map[string]int{"collector": 2, "ingest": 2, "query": 2}})
	ctx, cancel := context.WithTimeout(t.Context(), 8*time.Minute)
	defer cancel()
	if _, err := c.WaitOwned(ctx, c.Of("query")[0], fair); err != nil {
		t.Fatal(err)
	}
	l := newTraffic(time.Now().Add(-time.Minute))
	collectors, queries := c.Of("collector"), c.Of("query")
	stop := l.run(t, func() []*harness.Process { return collectors }, false)
	defer stop()
	settling, end := context.WithCancel(ctx)
	defer end()
	go l.settle(settling, c, func() *harness.Process { return queries[0] })
	waitKnown(t, l, 300)

	both := func() []*harness.Process { return queries }
	t.Logf("while records come in: %v", askFor(t, l, both, long(4*time.Second), nil))

	c.Processes["ingest-1"].Kill()
	q := askFor(t, l, both, 3*time.Second, namesShard)
	t.Logf("an owner was killed: %v", q)
	if q.partial == 0 {
		t.Error("no answer says that a shard is missing")
	}
	t.Logf("whole again %s later", wholeWithin(t, l, both, failoverMax).Round(time.Millisecond))
	if err := c.Run("ingest-1"); err != nil {
		t.Fatal(err)
	}
	t.Logf("the owner comes back, and shards go over: %v", askFor(t, l, both, long(6*time.Second), namesShard))
	t.Logf("whole again %s later", wholeWithin(t, l, both, failoverMax).Round(time.Millisecond))

	if _, err := c.WaitOwned(ctx, queries[0], fair); err != nil {
		t.Fatal(err)
	}
	wholeWithin(t, l, both, failoverMax)

	t.Logf("a query process stands still in the middle: %v", askWhilePaused(t, l, queries[1], queries[0]))
	c.Processes["query-2"].Kill()
	first := func() []*harness.Process { return queries[:1] }
	t.Logf("a query process was killed: %v", askFor(t, l, first, long(3*time.Second), nil))
	stop()
	end()
	l.settleOnce(ctx, c, func() *harness.Process { return queries[0] })
	if k := l.known(); k.logs != l.all.logs || k.logs == 0 {
		t.Errorf("%d log records were acknowledged, %d are known", l.all.logs, k.logs)
	}
	t.Logf("at the end: %d log records, %d spans, %d points: %v", l.all.logs, l.all.spans, l.all.points, askFor(t, l, first, time.Second, nil))
}

// askWhilePaused asks a process everything, and exports from it all the time, while another one, which owns no shards, is stopped (SIGSTOP) in the middle of answers and goes on
// again. What it does not answer for is read by the one that asks: nothing is missing.
func askWhilePaused(t *testing.T, l *traffic, paused, asked *harness.Process) *inquiry {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var exports sync.WaitGroup
	done := 0
	exports.Go(func() {
		for ctx.Err() == nil && !t.Failed() {
			k := l.known()
			text, err := exported(t.Context(), asked, k)
			if err != nil || text != strconv.Itoa(k.logs) {
				t.Errorf("an export of %d log records: %s, %v", k.logs, text, err)
			}
			done++
		}
	})
	all := &inquiry{reasons: map[string]int{}}
	for range 2 {
		if err := paused.Pause(); err != nil {
			t.Fatal(err)
		}
		for _, d := range []time.Duration{3 * time.Second, 500 * time.Millisecond} {
			q := askFor(t, l, func() []*harness.Process { return []*harness.Process{asked} }, d, nil)
			all.asked, all.slowest = all.asked+q.asked, max(all.slowest, q.slowest)
			if err := paused.Resume(); err != nil {
				t.Fatal(err)
			}
		}
	}
	cancel()
	exports.Wait()
	if done == 0 {
		t.Error("nothing was exported meanwhile")
	}
	return all
}

// exported is how many log records an export of all that is known says that it has.
func exported(ctx context.Context, of *harness.Process, k tally) (string, error) {
	params := before(k, "logs")
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+of.HTTP+"/api/v1/export?"+params.Encode(), nil)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		return "", err
	}
	if res.StatusCode != http.StatusOK {
		return res.Status, nil
	}
	return res.Trailer.Get("Clew-Exported"), nil
}

// waitKnown waits until so many log records have settled.
func waitKnown(t *testing.T, l *traffic, logs int) {
	t.Helper()
	for end := time.Now().Add(time.Minute); l.known().logs < logs; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) || t.Failed() {
			t.Fatalf("%d log records have settled, want %d", l.known().logs, logs)
		}
	}
}

// TestQueriesOfMixedRoles: processes with both roles answer for their own heads and for those of others.
func TestQueriesOfMixedRoles(t *testing.T) {
	c := startWith(t, Options{Shards: 2, Config: smallSegments, Roles: map[string]int{"collector": 1, "ingest,query": 2}})
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	mixed := c.Of("query")
	if _, err := c.WaitOwned(ctx, mixed[0], func(s *api.Cluster) error {
		if s.List[0].Owner == s.List[1].Owner {
			return errors.New("one owns both")
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	l := newTraffic(time.Now().Add(-time.Minute))
	collectors := c.Of("collector")
	stop := l.run(t, func() []*harness.Process { return collectors }, false)
	defer stop()
	settling, end := context.WithCancel(ctx)
	defer end()
	go l.settle(settling, c, func() *harness.Process { return mixed[0] })
	waitKnown(t, l, 100)
	t.Logf("while records come in: %v", askFor(t, l, func() []*harness.Process { return mixed }, long(3*time.Second), nil))
	c.Processes["ingest-query-1"].Kill()
	left := func() []*harness.Process { return mixed[1:] }
	t.Logf("one was killed: %v", askFor(t, l, left, 2*time.Second, namesShard))
	t.Logf("whole again %s later", wholeWithin(t, l, left, failoverMax).Round(time.Millisecond))
}
