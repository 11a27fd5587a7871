package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"clew/query/api"
)

// waterfall draws a trace as text.
type waterfall struct {
	trace *api.Trace
	width int
	color bool
	logs  bool
}

const (
	waterfallWidth    = 120 // columns where the output is no terminal
	waterfallWidthMin = 60
	// waterfallDepthMax is how many levels are indented: deeper ones say their number instead. Nothing could be seen beyond it, and the labels of a
	// chain of 100,000 calls would take gigabytes of spaces.
	waterfallDepthMax = 20
)

// indent is what stands before a node of this depth.
func indent(depth int) string {
	if depth <= waterfallDepthMax {
		return strings.Repeat("  ", depth)
	}
	return strings.Repeat("  ", waterfallDepthMax) + fmt.Sprintf("%d> ", depth)
}

func (w *waterfall) String() string {
	var b strings.Builder
	w.header(&b)
	labels := make([]string, len(w.trace.Nodes))
	labelWidth := 0
	for i := range w.trace.Nodes {
		labels[i] = w.label(i)
		labelWidth = max(labelWidth, runes(labels[i]))
	}
	width := max(w.width, waterfallWidthMin)
	labelWidth = min(labelWidth, width*55/100)
	const figures = 22 // duration and self time
	barWidth := max(width-labelWidth-figures-3, 10)
	logs := w.logsByNode()
	critical := map[int][]api.Step{}
	for _, s := range w.trace.Critical {
		critical[s.Node] = append(critical[s.Node], s)
	}
	for i := range w.trace.Nodes {
		n := &w.trace.Nodes[i]
		self := ""
		if n.Span >= 0 {
			self = formatNanos(n.SelfNano)
		}
		fmt.Fprintf(&b, "%s %9s %9s  |%s|\n", w.paintNode(n, pad(labels[i], labelWidth)), formatNanos(n.DurationNano), self, w.bar(n, critical[i], barWidth))
		for _, l := range logs[i] {
			w.log(&b, n.Depth+1, l)
		}
	}
	if rest := logs[-1]; len(rest) > 0 {
		b.WriteString("\nLog records of no span that has arrived:\n")
		for _, l := range rest {
			w.log(&b, 0, l)
		}
	}
	w.footer(&b)
	return b.String()
}

func (w *waterfall) header(b *strings.Builder) {
	t := w.trace
	fmt.Fprintf(b, "trace %s  %s  %s  %d spans, %d services", t.TraceID, t.Start, formatNanos(t.DurationNano), len(t.Spans), len(t.Services))
	if t.Errors > 0 {
		b.WriteString(w.paint(colorError, fmt.Sprintf(", %d errors", t.Errors)))
	}
	if t.Missing > 0 {
		b.WriteString(w.paint(colorWarn, fmt.Sprintf(", %d missing parents", t.Missing)))
	}
	if len(t.Logs) > 0 {
		fmt.Fprintf(b, ", %d log records", len(t.Logs))
	}
	b.WriteString("\n\n")
}

func (w *waterfall) label(i int) string {
	n := &w.trace.Nodes[i]
	mark := ""
	switch {
	case n.Reason == "missing":
		mark = "? "
	case n.Error:
		mark = "! "
	}
	service := n.Service
	if service == "" {
		service = "-"
	}
	text := indent(n.Depth) + mark + service + " " + n.Name
	if n.Reason == "missing" {
		text += " (not received)"
	} else if n.Reason != "" {
		text += " (" + n.Reason + ")"
	}
	return strings.Map(printable, text)
}

// printable keeps control characters of telemetry from the terminal.
func printable(r rune) rune {
	if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
		return '·'
	}
	return r
}

// bar draws a node's time: '=' on the critical path, '-' beside it, '?' where nothing has arrived.
func (w *waterfall) bar(n *api.Node, critical []api.Step, width int) string {
	total := max(w.trace.DurationNano, 1)
	column := func(nano int64) int { return int(float64(nano) / float64(total) * float64(width)) }
	from := min(max(column(n.OffsetNano), 0), width-1)
	to := min(max(column(n.OffsetNano+n.DurationNano), from+1), width)
	bar := []byte(strings.Repeat(" ", width))
	fill := byte('-')
	if n.Span < 0 {
		fill = '?'
	}
	for i := from; i < to; i++ {
		bar[i] = fill
	}
	for _, s := range critical {
		for i := max(column(s.FromNano), from); i < min(max(column(s.ToNano), column(s.FromNano)+1), to); i++ {
			bar[i] = '='
		}
	}
	return string(bar)
}

func (w *waterfall) paintNode(n *api.Node, text string) string {
	switch {
	case n.Error:
		return w.paint(colorError, text)
	case n.Span < 0:
		return w.paint(colorWarn, text)
	}
	return text
}

func (w *waterfall) paint(color, text string) string {
	if !w.color || color == "" {
		return text
	}
	return color + text + colorReset
}

func (w *waterfall) logsByNode() map[int][]*api.LogRecord {
	m := map[int][]*api.LogRecord{}
	if !w.logs {
		return m
	}
	for i := range w.trace.Logs {
		node := -1
		if i < len(w.trace.LogNodes) {
			node = w.trace.LogNodes[i]
		}
		m[node] = append(m[node], &w.trace.Logs[i])
	}
	return m
}

func (w *waterfall) log(b *strings.Builder, depth int, l *api.LogRecord) {
	at := l.Time
	if t, err := time.Parse(time.RFC3339Nano, l.Time); err == nil {
		at = t.Format("15:04:05.000000")
	}
	margin := strings.Repeat("  ", min(depth, waterfallDepthMax))
	prefix := fmt.Sprintf("%s%s %s ", margin, at, orDash(l.Severity))
	body := strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return printable(r)
	}, strings.TrimRight(l.Body, "\n"))
	body = strings.ReplaceAll(body, "\n", "\n"+margin+"    ")
	b.WriteString(w.paint(colorDim, prefix))
	b.WriteString(w.paint(severityColor(l.SeverityNumber), body))
	b.WriteByte('\n')
}

func (w *waterfall) footer(b *strings.Builder) {
	t := w.trace
	var notes []string
	for _, o := range t.ErrorOrigins {
		if o < len(t.Nodes) {
			n := &t.Nodes[o]
			message := ""
			if n.Span >= 0 && n.Span < len(t.Spans) && t.Spans[n.Span].StatusMessage != "" {
				message = ": " + t.Spans[n.Span].StatusMessage
			}
			notes = append(notes, strings.Map(printable, fmt.Sprintf("error began in %s %s%s", orDash(n.Service), n.Name, message)))
		}
	}
	for _, c := range t.Clocks {
		notes = append(notes, fmt.Sprintf("the clock of %s was moved by %s to fit its callers (%d calls)", c.Process, formatNanos(c.OffsetNano), c.Calls))
	}
	if t.Truncated {
		notes = append(notes, "not complete: the trace has more spans or log records than one answer holds")
	}
	for _, r := range t.Stats.Reasons {
		notes = append(notes, "not complete: "+r)
	}
	if len(notes) > 0 {
		b.WriteString("\n")
		for _, n := range notes {
			b.WriteString(n + "\n")
		}
	}
}

// formatNanos prints a duration with three significant digits.
func formatNanos(n int64) string {
	d := time.Duration(n)
	abs := d.Abs()
	switch {
	case abs < time.Microsecond:
		return fmt.Sprintf("%dns", n)
	case abs < time.Millisecond:
		return fmt.Sprintf("%.3gµs", float64(n)/1e3)
	case abs < time.Second:
		return fmt.Sprintf("%.3gms", float64(n)/1e6)
	case abs < time.Minute:
		return fmt.Sprintf("%.3gs", float64(n)/1e9)
	}
	return d.Round(time.Second).String()
}

func runes(s string) int { return len([]rune(s)) }

// pad makes s exactly width columns, cutting with an ellipsis.
func pad(s string, width int) string {
	r := []rune(s)
	if len(r) > width {
		return string(r[:max(width-1, 0)]) + "…"
	}
	return s + strings.Repeat(" ", width-len(r))
}

func terminalWidth(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if size, err := unix.IoctlGetWinsize(int(f.Fd()), unix.TIOCGWINSZ); err == nil && size.Col > 0 {
			return int(size.Col)
		}
	}
	return waterfallWidth
}
