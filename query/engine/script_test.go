package engine

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"clew/index"
	"clew/index/store"
	"clew/internal/telemetry"
	"clew/internal/tracetext"
)

var update = flag.Bool("update", false, "rewrite the expected answers in testdata")

// TestScripts runs testdata/*.test. A script is steps with a blank line between them: a command, its input, a line "----" and, for
// questions, the answer. What was loaded is kept in two ways, as one head and as a segment and a head, and must be answered alike.
//
//	logs                 log records, a line each: @time service severity "body" key=value ...
//	spans ID             a trace of that id, as internal/tracetext reads it
//	search [logs|spans] [limit=N] [oldest] QUERY
//	count, fields, by FIELD, values FIELD PREFIX, histogram STEP [by=FIELD]: [logs|spans] QUERY
//	trace ID
//	around N M QUERY     N log records before and M after the first one that matches
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			s := &script{t: t, batches: map[telemetry.Signal][]*telemetry.Batch{}}
			for _, step := range strings.Split(strings.TrimSpace(string(data)), "\n\n") {
				out = append(out, s.step(step))
			}
			if got := strings.Join(out, "\n\n") + "\n"; *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

type script struct {
	t       *testing.T
	batches map[telemetry.Signal][]*telemetry.Batch
	engines []*Engine
}

// step runs one step and returns it with the answer that was given.
func (s *script) step(text string) string {
	input, want, asks := strings.Cut(text, "\n----\n")
	if !asks {
		input = strings.TrimSuffix(text, "\n----")
	}
	var lines []string
	for _, line := range strings.Split(input, "\n") {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	command, args, _ := strings.Cut(lines[0], " ")
	switch command {
	case "logs", "spans":
		s.load(command, args, lines[1:])
		return text
	}
	if s.engines == nil {
		s.open()
	}
	var first string
	for i, e := range s.engines {
		got := strings.TrimRight(s.ask(e, command, args), "\n")
		if i == 0 {
			first = got
		}
		if got != first {
			s.t.Errorf("%s\nas a head:\n%s\nas a segment and a head:\n%s", lines[0], first, got)
		}
	}
	if first != strings.TrimRight(want, "\n") && !*update {
		s.t.Errorf("%s\nhave\n%s\nwant\n%s", lines[0], first, want)
	}
	return input + "\n----\n" + first
}

func (s *script) load(command, args string, lines []string) {
	s.engines = nil
	var records []*modelRecord
	if command == "spans" {
		records = s.spans(args, strings.Join(lines, "\n"))
		s.batches[telemetry.Spans] = append(s.batches[telemetry.Spans], spanBatch(toTraces(records)))
		return
	}
	for _, line := range lines {
		records = append(records, s.log(line))
	}
	s.batches[telemetry.Logs] = append(s.batches[telemetry.Logs], logBatch(toLogs(records)))
}

func (s *script) log(line string) *modelRecord {
	head, rest, _ := strings.Cut(line, `"`)
	words := strings.Fields(head)
	quoted, err := strconv.QuotedPrefix(`"` + rest)
	if err != nil || len(words) != 3 {
		s.t.Fatalf("%s: want @time service severity \"body\"", line)
	}
	after, err := time.ParseDuration(words[0][1:])
	if err != nil {
		s.t.Fatal(err)
	}
	severity, err := telemetry.ParseSeverity(words[2])
	if err != nil {
		s.t.Fatal(err)
	}
	body, _ := strconv.Unquote(quoted)
	r := &modelRecord{signal: telemetry.Logs, time: testNow.Add(after).UnixNano(), cells: map[telemetry.Column]any{}}
	r.set(telemetry.LevelResource, "service.name", telemetry.TypeString, words[1])
	r.set(telemetry.LevelField, telemetry.FieldSeverity, telemetry.TypeInt, severity)
	r.set(telemetry.LevelField, telemetry.FieldBody, telemetry.TypeString, body)
	for _, word := range strings.Fields(line[len(head)+len(quoted):]) {
		key, value, _ := strings.Cut(word, "=")
		s.attribute(r, key, value)
	}
	return r
}

func (s *script) attribute(r *modelRecord, key, value string) {
	n, err := strconv.ParseInt(value, 10, 64)
	switch {
	case key == "trace":
		id, err := telemetry.ParseTraceID(value)
		if err != nil {
			s.t.Fatal(err)
		}
		r.set(telemetry.LevelField, telemetry.FieldTraceID, telemetry.TypeBytes, id[:])
	case strings.HasPrefix(key, "resource."):
		r.set(telemetry.LevelResource, key[len("resource."):], telemetry.TypeString, value)
	case err == nil:
		r.set(telemetry.LevelRecord, key, telemetry.TypeInt, n)
	default:
		r.set(telemetry.LevelRecord, key, telemetry.TypeString, value)
	}
}

func (s *script) spans(id, text string) (records []*modelRecord) {
	trace, err := telemetry.ParseTraceID(id)
	if err != nil {
		s.t.Fatal(err)
	}
	spans, err := tracetext.Parse(strings.NewReader(text))
	if err != nil {
		s.t.Fatal(err)
	}
	for _, span := range spans {
		if !span.Received {
			continue
		}
		r := &modelRecord{signal: telemetry.Spans, time: testNow.Add(span.Start).UnixNano(), cells: map[telemetry.Column]any{}}
		field := func(key string, t telemetry.Type, v any) { r.set(telemetry.LevelField, key, t, v) }
		field(telemetry.FieldTraceID, telemetry.TypeBytes, trace[:])
		field(telemetry.FieldSpanID, telemetry.TypeBytes, span.ID[:])
		if !span.Parent.IsZero() {
			field(telemetry.FieldParentSpanID, telemetry.TypeBytes, span.Parent[:])
		}
		field(telemetry.FieldName, telemetry.TypeString, span.Name)
		field(telemetry.FieldKind, telemetry.TypeString, span.Kind)
		field(telemetry.FieldStatus, telemetry.TypeString, span.Status)
		field(telemetry.FieldStatusMessage, telemetry.TypeString, span.Message)
		field(telemetry.FieldDuration, telemetry.TypeInt, int64(span.Duration))
		r.set(telemetry.LevelResource, "service.name", telemetry.TypeString, span.Service)
		for _, a := range span.Attributes {
			s.attribute(r, a.Key, a.Value)
		}
		records = append(records, r)
	}
	return records
}

func (s *script) open() {
	st, err := store.OpenDir(s.t.TempDir())
	if err != nil {
		s.t.Fatal(err)
	}
	heads, mixed := &fixedSource{parts: map[telemetry.Signal][]index.Part{}}, &fixedSource{parts: map[telemetry.Signal][]index.Part{}}
	for signal, batches := range s.batches {
		heads.parts[signal] = []index.Part{head(s.t, "all", batches...)}
		parts := []index.Part{sealed(s.t, st, nil, head(s.t, "first", batches[0]))}
		if len(batches) > 1 {
			parts = append(parts, head(s.t, "rest", batches[1:]...))
		}
		mixed.parts[signal] = parts
	}
	s.engines = []*Engine{newEngine(s.t, heads), newEngine(s.t, mixed)}
}

func (s *script) ask(e *Engine, command, args string) string {
	answer, err := s.answer(e, command, args)
	if err != nil {
		return "error: " + err.Error()
	}
	if answer == "" {
		return "nothing" // an empty line would end the step
	}
	return answer
}

func (s *script) answer(e *Engine, command, args string) (string, error) {
	next := func() (word string) {
		word, args, _ = strings.Cut(args, " ")
		return word
	}
	var b strings.Builder
	groups := func(g *Groups, err error) (string, error) {
		if err != nil {
			return "", err
		}
		for _, x := range g.Groups {
			fmt.Fprintf(&b, "%s: %d\n", x.Value, x.Count)
		}
		fmt.Fprintf(&b, "other %d, without %d, in all %d", g.Other, g.Absent, g.Count)
		return b.String(), nil
	}
	switch command {
	case "search":
		return s.search(e, args)
	case "count":
		c, err := e.Count(s.t.Context(), s.request(args))
		if err != nil {
			return "", err
		}
		return strconv.FormatUint(c.Count, 10), nil
	case "by":
		field := next()
		return groups(e.CountBy(s.t.Context(), s.request(args), field, 3))
	case "values":
		field, prefix := next(), next()
		return groups(e.Values(s.t.Context(), s.request(args), field, prefix, 3))
	case "fields":
		f, err := e.Fields(s.t.Context(), s.request(args))
		if err != nil {
			return "", err
		}
		for _, x := range f.Fields {
			fmt.Fprintf(&b, "%s: %d\n", x.Column, x.Count)
		}
		return b.String(), nil
	case "histogram":
		step, err := time.ParseDuration(next())
		if err != nil {
			return "", err
		}
		by := HistogramBy{Step: step}
		if rest, ok := strings.CutPrefix(args, "by="); ok {
			by.Field, args, _ = strings.Cut(rest, " ")
		}
		h, err := e.Histogram(s.t.Context(), s.request(args), by)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "from %s\n", since(h.Start))
		for _, x := range h.Series {
			fmt.Fprintf(&b, "%q absent=%v: %v\n", x.Value, x.Absent, x.Counts)
		}
		return b.String(), nil
	case "trace":
		id, err := telemetry.ParseTraceID(args)
		if err != nil {
			return "", err
		}
		tr, err := e.Trace(s.t.Context(), "default", id, 0, 0)
		if err != nil {
			return "", err
		}
		return show(tr.Spans) + show(tr.Logs), nil
	case "around":
		before, _ := strconv.Atoi(next())
		after, _ := strconv.Atoi(next())
		r := s.request(args)
		found, err := e.Search(s.t.Context(), Search{Request: r, OldestFirst: true, Limit: 1})
		if err != nil || len(found.Records) == 0 {
			return "", fmt.Errorf("nothing found: %w", err)
		}
		a, err := e.RecordsAround(s.t.Context(), r, &found.Records[0], before, after)
		if err != nil {
			return "", err
		}
		return show(a.Before) + "> " + show(found.Records) + show(a.After), nil
	}
	return "", fmt.Errorf("unknown command %q", command)
}

func (s *script) request(args string) Request {
	r := Request{Tenant: "default", Signal: telemetry.Logs}
	if rest, ok := strings.CutPrefix(args+" ", "spans "); ok {
		r.Signal, args = telemetry.Spans, rest
	} else if rest, ok := strings.CutPrefix(args+" ", "logs "); ok {
		args = rest
	}
	r.Query = mustParse(s.t, args)
	return r
}

func (s *script) search(e *Engine, args string) (string, error) {
	search := Search{}
	var rest []string
	for _, word := range strings.Split(args, " ") {
		if n, ok := strings.CutPrefix(word, "limit="); ok {
			search.Limit, _ = strconv.Atoi(n)
		} else if word == "oldest" {
			search.OldestFirst = true
		} else {
			rest = append(rest, word)
		}
	}
	search.Request = s.request(strings.Join(rest, " "))
	found, err := e.Search(s.t.Context(), search)
	if err != nil {
		return "", err
	}
	out := show(found.Records)
	if found.Cursor != nil {
		out += "more"
	}
	return out, nil
}

func since(t int64) string { return time.Unix(0, t).Sub(testNow).String() }

func show(records []Record) string {
	var b strings.Builder
	for _, r := range records {
		text := r.Text(telemetry.FieldBody)
		if name := r.Text(telemetry.FieldName); name != "" {
			text = name
		}
		fmt.Fprintf(&b, "%s %s %q\n", since(r.Time), r.Service(), text)
	}
	return b.String()
}
