package redact

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"
)

func TestDefaultRules(t *testing.T) {
	all := DefaultRules()
	for name, r := range all {
		r.On = true
		all[name] = r
	}
	everything, err := compile(all)
	if err != nil {
		t.Fatal(err)
	}
	defaults, err := compile(DefaultRules())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		rules    masks
		in, want string
	}{
		{defaults, "GET /x Authorization: Bearer abcdefghijklmnop1234==", "GET /x Authorization: Bearer [redacted]"},
		{defaults, "authorization: BASIC dXNlcjpwYXNzd29yZA== ok", "authorization: BASIC [redacted] ok"},
		{defaults, "the bearer of bad news", "the bearer of bad news"},
		{defaults, "jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig", "jwt [redacted]"},
		{defaults, `login {"user":"x","password":"hunter22"}`, `login {"user":"x","password":"[redacted]"}`},
		{defaults, "DB_PASSWORD=hunter22 started", "DB_PASSWORD=[redacted] started"},
		{defaults, "wrong password for user bob", "wrong password for user bob"},
		{defaults, "dial postgres://app:s3cret@db:5432/x", "dial postgres://app:[redacted]@db:5432/x"},
		{defaults, "see http://host:8080/a@b", "see http://host:8080/a@b"},
		{defaults, "key AKIAIOSFODNN7EXAMPLE used", "key [redacted] used"},
		{defaults, "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- x", "-----BEGIN RSA PRIVATE KEY-----[redacted] x"},
		{defaults, "card 4111 1111 1111 1111 of a@b.example", "card 4111 1111 1111 1111 of a@b.example"},
		{everything, "card 4111 1111 1111 1111 of a@b.example", "card [redacted] of [redacted]"},
		{everything, "order 4111 1111 1111 1112", "order 4111 1111 1111 1112"},
		{everything, "Bearer " + strings.Repeat("x", 2000) + " end", "Bearer [redacted] end"},
	} {
		if got, _ := c.rules.mask(c.in); got != c.want {
			t.Errorf("%s\n have %s\n want %s", c.in, got, c.want)
		}
	}
}

func TestProblemsOfRules(t *testing.T) {
	err := (&Config{Rules: map[string]Rule{"a": {Pattern: "("}, "b": {}, "c": {Pattern: "x*"}, "fine": {Pattern: "x"}}}).Validate()
	for _, want := range []string{"rules::a::pattern", "rules::b::pattern", "rules::c::pattern"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %s", err, want)
		}
	}
}

func TestWhereItLooks(t *testing.T) {
	f := NewFactory()
	const secret, masked = "Bearer abcdefghijklmnop1234", "Bearer [redacted]"
	logsSink := new(consumertest.LogsSink)
	p, err := f.CreateLogs(t.Context(), processortest.NewNopSettings(Type), f.CreateDefaultConfig(), logsSink)
	if err != nil {
		t.Fatal(err)
	}
	logs := plog.NewLogs()
	record := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty()
	body := record.Body().SetEmptyMap()
	body.PutStr("a", secret)
	body.PutEmptySlice("b").AppendEmpty().SetStr(secret)
	record.Attributes().PutStr("HTTP.request.header.Cookie", "id=1")
	record.Attributes().PutInt("n", 7)
	if err := p.ConsumeLogs(t.Context(), logs); err != nil {
		t.Fatal(err)
	}
	record = logsSink.AllLogs()[0].ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
	if diff := cmp.Diff(map[string]any{"a": masked, "b": []any{masked}}, record.Body().Map().AsRaw()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]any{"HTTP.request.header.Cookie": "[redacted]", "n": int64(7)}, record.Attributes().AsRaw()); diff != "" {
		t.Error(diff)
	}

	tracesSink := new(consumertest.TracesSink)
	q, err := f.CreateTraces(t.Context(), processortest.NewNopSettings(Type), f.CreateDefaultConfig(), tracesSink)
	if err != nil {
		t.Fatal(err)
	}
	traces := ptrace.NewTraces()
	span := traces.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetName(secret)
	span.Status().SetMessage(secret)
	span.Attributes().PutStr("x", secret)
	span.Events().AppendEmpty().Attributes().PutStr("y", secret)
	if err := q.ConsumeTraces(t.Context(), traces); err != nil {
		t.Fatal(err)
	}
	text, err := (&ptrace.JSONMarshaler{}).MarshalTraces(tracesSink.AllTraces()[0])
	if err != nil || strings.Contains(string(text), "abcdef") || strings.Count(string(text), masked) != 4 {
		t.Errorf("%v: %s", err, text)
	}
}

func BenchmarkLineWithoutSecrets(b *testing.B) {
	m, err := compile(DefaultRules())
	if err != nil {
		b.Fatal(err)
	}
	line := "2026-11-21T10:20:03.123456Z INFO [checkout] order 4711 of user 12 placed in 35 ms, 3 items, total 99.95 EUR"
	b.ReportAllocs()
	for b.Loop() {
		if _, changed := m.mask(line); changed {
			b.Fatal("changed")
		}
	}
}
