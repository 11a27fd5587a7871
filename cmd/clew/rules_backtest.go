package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"clew/query/alert/ruleapi"
	"clew/query/api"
)

// ask has the server do the backtest.
func (o *rulesBacktestOptions) ask(ctx context.Context, c *client, name string, content []byte) (*ruleapi.BacktestAnswer, error) {
	now := time.Now()
	start, err := parseTime(o.since, now)
	if err != nil {
		return nil, fmt.Errorf("--since %q: %w", o.since, err)
	}
	end := now
	if o.until != "" {
		if end, err = parseTime(o.until, now); err != nil {
			return nil, fmt.Errorf("--until %q: %w", o.until, err)
		}
	}
	body, err := json.Marshal(ruleapi.BacktestRequest{Name: name, Content: string(content), Start: &start, End: &end})
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.server+"/api/v1/rules/backtest", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	c.nameTenant(req)
	req.Header.Set(api.RequestHeader, "1")
	req.Header.Set("Content-Type", "application/json")
	res, err := c.http.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, fmt.Errorf("%w (is clew running at %s? start it with `clew run`, or name it with --server)", err, c.server)
	}
	defer res.Body.Close()
	if res.StatusCode/100 != 2 {
		data, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // what there is of it says enough
		var e api.Error
		if json.Unmarshal(data, &e) != nil || e.Error.Message == "" {
			e.Error.Message = fmt.Sprintf("%s answered %s: %.200s", c.server, res.Status, data)
		}
		if e.Error.Hint == "" {
			e.Error.Hint = accessHint(res.StatusCode)
		}
		return nil, &answerError{status: res.StatusCode, detail: e.Error}
	}
	var answer ruleapi.BacktestAnswer
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("answer of %s: %w", c.server, err)
	}
	return &answer, nil
}

// printBacktest prints a rule after the other, with its firings below it.
func printBacktest(w io.Writer, a *ruleapi.BacktestAnswer, examples int) {
	for i := range a.Rules {
		r := &a.Rules[i]
		switch {
		case r.Error != "" && r.Evaluations == r.Failed:
			fmt.Fprintf(w, "%s: cannot be evaluated: %s\n", r.Name, r.Error)
			continue
		case r.Type == "recording":
			fmt.Fprintf(w, "%s: %d evaluations, up to %d series\n", r.Name, r.Evaluations, r.Series)
		default:
			fmt.Fprintf(w, "%s: fired %d times, only pending %d times, in %d evaluations\n", r.Name, r.Fired, r.Pending, r.Evaluations)
		}
		if r.Failed > 0 {
			fmt.Fprintf(w, "  %d evaluations failed: %s\n", r.Failed, r.Error)
		}
		for k := range r.Firings {
			printFiring(w, &r.Firings[k], a.End, examples)
		}
		if more := r.Fired - len(r.Firings); more > 0 {
			fmt.Fprintf(w, "  and %d more\n", more)
		}
	}
	fmt.Fprintf(w, "%s to %s, in %v\n", a.Start.Local().Format(time.DateTime), a.End.Local().Format(time.DateTime), (time.Duration(a.TookMS) * time.Millisecond).Round(time.Millisecond))
}

func printFiring(w io.Writer, f *ruleapi.WouldHave, end time.Time, examples int) {
	lasted := "still firing"
	if f.ResolvedAt != nil {
		lasted = "for " + f.ResolvedAt.Sub(f.FiredAt).Round(time.Second).String()
	} else {
		lasted += " after " + end.Sub(f.FiredAt).Round(time.Second).String()
	}
	var labels []string
	for _, name := range sortedLabels(f.Labels) {
		if name != "alertname" {
			labels = append(labels, fmt.Sprintf("%s=%q", name, f.Labels[name]))
		}
	}
	fmt.Fprintf(w, "  %s %s, value %s, at most %s  {%s}\n", f.FiredAt.Local().Format(time.DateTime), lasted, f.Value, f.Peak, strings.Join(labels, ", "))
	for i, e := range f.Examples {
		if i == examples {
			break
		}
		line := strings.Join(strings.Fields(e.Service+" "+e.Severity+" "+e.Text), " ")
		if e.TraceID != "" {
			line += "  trace " + e.TraceID
		}
		fmt.Fprintf(w, "    %s %s\n", e.Time.Local().Format(time.DateTime), line)
	}
}

func sortedLabels(m map[string]string) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
