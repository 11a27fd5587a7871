package main

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"clew/internal/harness"
	"clew/internal/loggen"
	"clew/query/api"
)

// query is a question at the HTTP API with a known answer.
type query struct {
	row    string // of the table
	path   string
	params url.Values
	// check says what is wrong with an answer, and else what it was, for people.
	check func(body []byte) (note string, err error)
}

// asker asks over one connection that is kept, without compression.
type asker struct {
	client http.Client
	base   string
}

func newAsker(p *harness.Process) *asker {
	return &asker{client: http.Client{Transport: &http.Transport{DisableCompression: true}}, base: "http://" + p.HTTP}
}

// once asks and says how long it took until the last byte was there.
func (a *asker) once(q *query) (body []byte, took time.Duration, err error) {
	started := time.Now()
	res, err := a.client.Get(a.base + q.path + "?" + q.params.Encode())
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	body, err = io.ReadAll(res.Body)
	took = time.Since(started)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", res.Status, body)
	}
	return body, took, err
}

// times are those of a query's runs, ascending.
type times []time.Duration

func (t times) median() time.Duration { return t[len(t)/2] }
func (t times) p95() time.Duration    { return t[min(len(t)*95/100, len(t)-1)] }

// measure asks once to warm up and then runs times, checking each answer.
func (a *asker) measure(q *query, runs int) (t times, note string, err error) {
	for i := range runs + 1 {
		body, took, err := a.once(q)
		if err == nil {
			note, err = q.check(body)
		}
		if err != nil {
			return nil, "", fmt.Errorf("%s: %w", q.row, err)
		}
		if i > 0 {
			t = append(t, took)
		}
	}
	slices.Sort(t)
	return t, note, nil
}

// decode reads an answer that must be whole.
func decode[T any](body []byte, stats func(*T) *api.Stats) (*T, error) {
	answer := new(T)
	if err := json.Unmarshal(body, answer); err != nil {
		return nil, err
	}
	if s := stats(answer); s.Partial {
		return nil, fmt.Errorf("the answer is partial: %v", s.Reasons)
	}
	return answer, nil
}

func countIs(want uint64) func([]byte) (string, error) {
	return func(body []byte) (string, error) {
		a, err := decode(body, func(c *api.Count) *api.Stats { return &c.Stats })
		if err != nil {
			return "", err
		}
		if a.Count != want {
			return "", fmt.Errorf("counted %d, want %d", a.Count, want)
		}
		return strconv.FormatUint(want, 10), nil
	}
}

func count(row, signal, text string, want uint64) query {
	return query{row, "/api/v1/count", url.Values{"signal": {signal}, "query": {text}}, countIs(want)}
}

// byService counts all records of a signal by service.
func byService(row, signal string, want map[string]uint64) query {
	return query{row, "/api/v1/count", url.Values{"signal": {signal}, "by": {"service"}}, func(body []byte) (string, error) {
		a, err := decode(body, func(c *api.Count) *api.Stats { return &c.Stats })
		if err != nil {
			return "", err
		}
		have := map[string]uint64{}
		for _, g := range a.Groups {
			have[g.Value] = g.Count
		}
		if !maps.Equal(have, want) {
			return "", fmt.Errorf("counted %v, want %v", have, want)
		}
		return fmt.Sprintf("%d services", len(want)), nil
	}}
}

func (l *logs) queries() []query {
	qs := []query{count("count of all", "logs", "", uint64(l.n))}
	for _, n := range l.needles {
		qs = append(qs, count(n.row, "logs", n.query, n.hits))
	}
	search := func(row, text string, check func([]api.LogRecord) error) query {
		return query{row, "/api/v1/search", url.Values{"signal": {"logs"}, "query": {text}, "limit": {"100"}}, func(body []byte) (string, error) {
			a, err := decode(body, func(s *api.Search) *api.Stats { return &s.Stats })
			if err == nil {
				err = check(a.Logs)
			}
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%d records", len(a.Logs)), nil
		}}
	}
	trace := hex.EncodeToString(l.trace[:])
	return append(qs,
		search("log records of one trace id", "trace_id:"+trace, func(have []api.LogRecord) error {
			for i := range have {
				if have[i].TraceID != trace {
					return fmt.Errorf("a record of trace %s", have[i].TraceID)
				}
			}
			if uint64(len(have)) != l.ofTrace {
				return fmt.Errorf("%d records, want %d", len(have), l.ofTrace)
			}
			return nil
		}),
		search("last 100 ERROR records of a service", "service:"+errorsOf+" severity:error", l.checkErrors),
		byService("count by service", "logs", l.services),
		l.histogram(),
	)
}

func (l *logs) checkErrors(have []api.LogRecord) error {
	if len(have) != len(l.errors) {
		return fmt.Errorf("%d records, want %d", len(have), len(l.errors))
	}
	for i := range have {
		if want := strconv.FormatInt(l.errors[len(l.errors)-1-i], 10); have[i].TimeUnixNano != want || have[i].Service != errorsOf {
			return fmt.Errorf("record %d is of %s at %s, want %s at %s", i, have[i].Service, have[i].TimeUnixNano, errorsOf, want)
		}
	}
	return nil
}

func (l *logs) histogram() query {
	params := url.Values{"signal": {"logs"}, "by": {"severity"}, "step": {histogramStep.String()}}
	return query{"severity histogram in 5-minute steps", "/api/v1/histogram", params, func(body []byte) (string, error) {
		a, err := decode(body, func(h *api.Histogram) *api.Stats { return &h.Stats })
		if err != nil {
			return "", err
		}
		first, err := time.Parse(time.RFC3339Nano, a.Start)
		if err != nil {
			return "", err
		}
		skip := int(first.Sub(epoch) / histogramStep)
		for _, s := range a.Series {
			for i, n := range s.Counts {
				want := uint64(0)
				if steps := l.steps[s.Value]; skip+i >= 0 && skip+i < len(steps) {
					want = steps[skip+i]
				}
				if n != want {
					return "", fmt.Errorf("%s in step %d: %d, want %d", s.Value, skip+i, n, want)
				}
			}
		}
		if a.Count != uint64(l.n) || len(a.Series) != len(l.steps) {
			return "", fmt.Errorf("%d records of %d severities, want %d of %d", a.Count, len(a.Series), l.n, len(l.steps))
		}
		return fmt.Sprintf("%d series", len(a.Series)), nil
	}}
}

func (s *spans) queries() []query {
	services := map[string]uint64{}
	for i, n := range s.byService {
		services[loggen.Services[i]] = n
	}
	qs := []query{
		count("count of all", "spans", "", s.total),
		byService("spans by service", "spans", services),
		s.slowTraces(),
	}
	if s.ordered.id != "" {
		qs = append(qs, s.orderTrace())
	}
	for _, t := range s.probes[:min(1, len(s.probes))] {
		qs = append(qs, t.byID())
	}
	return qs
}

func (s *spans) firstQueries() (qs []query) {
	for _, t := range s.probes[min(1, len(s.probes)):] { // the first one has been asked for
		q := t.byID()
		q.row = "trace by id, first touch"
		qs = append(qs, q)
	}
	return qs
}

func (l *logs) firstQueries() []query {
	rare := l.needles[0]
	return []query{count(rare.row+", first touch", "logs", rare.query, rare.hits)}
}

func tracesQuery(row, text string, limit int, check func([]api.TraceSummary) error) query {
	params := url.Values{"query": {text}, "limit": {strconv.Itoa(limit)}}
	return query{row, "/api/v1/traces", params, func(body []byte) (string, error) {
		a, err := decode(body, func(t *api.Traces) *api.Stats { return &t.Stats })
		if err == nil {
			err = check(a.Traces)
		}
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%d traces", len(a.Traces)), nil
	}}
}

func (s *spans) slowTraces() query {
	slices.SortFunc(s.slow, func(a, b slowTrace) int { return int(b.newest - a.newest) })
	want := s.slow[:min(slowLimit, len(s.slow))]
	text := "service:" + slowOf + " duration>" + slowOver.String()
	return tracesQuery("traces of a service with a span over a duration", text, slowLimit, func(have []api.TraceSummary) error {
		if len(have) != len(want) {
			return fmt.Errorf("%d traces, want %d", len(have), len(want))
		}
		for i := range have {
			if have[i].TraceID != want[i].id {
				return fmt.Errorf("trace %d is %s, want %s", i, have[i].TraceID, want[i].id)
			}
		}
		return nil
	})
}

func (s *spans) orderTrace() query {
	want := s.ordered
	return tracesQuery("traces with a rare attribute value (order.id)", "order.id:"+want.order, slowLimit, func(have []api.TraceSummary) error {
		if len(have) != 1 || have[0].TraceID != want.id || have[0].Matched != want.hits || have[0].Spans != want.spans {
			return fmt.Errorf("answer %+v, want trace %s, %d of %d spans", have, want.id, want.hits, want.spans)
		}
		return nil
	})
}

// byID asks for all spans of a trace.
func (t traceTruth) byID() query {
	return query{"trace by id, all spans returned", "/api/v1/traces/" + t.id, url.Values{}, func(body []byte) (string, error) {
		a, err := decode(body, func(t *api.Trace) *api.Stats { return &t.Stats })
		if err != nil {
			return "", err
		}
		if len(a.Spans) != t.spans {
			return "", fmt.Errorf("%d spans, want %d", len(a.Spans), t.spans)
		}
		return fmt.Sprintf("%d spans", len(a.Spans)), nil
	}}
}
