package alert

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/prometheus/model/labels"

	"clew/query/alert/rulefile"
)

// links leads from notifications back into the web application.
type links struct{ base string }

func newLinks(external *url.URL) *links { return &links{strings.TrimSuffix(external.String(), "/")} }

// Annotations that clew adds to notifications, unless the rule has some of these names.
const (
	annotationExamples = "examples" // records, a line each
	annotationTrace    = "trace"    // a link to the first trace
)

// notification is an alert as it is told.
func (l *links) notification(tenant string, a *Alert, expr string, language rulefile.Lang) *Notification {
	n := &Notification{Tenant: tenant, Labels: a.Labels, StartsAt: a.FiredAt, EndsAt: a.ValidUntil, GeneratorURL: l.generator(a, expr, language)}
	if !a.ResolvedAt.IsZero() {
		n.EndsAt = a.ResolvedAt
	}
	b := labels.NewBuilder(a.Annotations)
	if text := exampleLines(a.Examples); text != "" && !a.Annotations.Has(annotationExamples) {
		b.Set(annotationExamples, text)
	}
	for _, e := range a.Examples {
		if e.TraceID != "" && !a.Annotations.Has(annotationTrace) {
			b.Set(annotationTrace, l.base+"/trace/"+e.TraceID)
			break
		}
	}
	n.Annotations = b.Labels()
	return n
}

func exampleLines(examples []Example) string {
	var b strings.Builder
	for _, e := range examples {
		if e.Text == "" || e.Signal == "metrics" {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.Time.UTC().Format(time.RFC3339))
		for _, s := range []string{e.Severity, e.Service} {
			if s != "" {
				b.WriteString(" " + s)
			}
		}
		b.WriteString(" " + e.Text)
	}
	return b.String()
}

// generator is the page of the rule's question.
func (l *links) generator(a *Alert, expr string, language rulefile.Lang) string {
	if language == rulefile.PromQL {
		return l.base + "/explore?expr=" + url.QueryEscape(expr)
	}
	return fmt.Sprintf("%s/search?signal=%s&q=%s", l.base, language.Signal(), url.QueryEscape(expr))
}
