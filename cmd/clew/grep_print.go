package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"clew/query/api"
)

// record is a log record or a span.
type record struct {
	log  *api.LogRecord
	span *api.SpanRecord
}

func (r record) id() string {
	if r.log != nil {
		return r.log.ID
	}
	return r.span.ID
}

// nano is the ordering time; 0 if the server sent none that can be read.
func (r record) nano() int64 {
	text := ""
	if r.log != nil {
		text = r.log.TimeUnixNano
	} else {
		text = r.span.StartUnixNano
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// text is what the pattern was asked of.
func (r record) text() string {
	if r.log != nil {
		return r.log.Body
	}
	if r.span.StatusMessage != "" {
		return r.span.Name + ": " + r.span.StatusMessage
	}
	return r.span.Name
}

// Terminal colours: time and context dim, matches bold red, errors red, warnings yellow.
const (
	colorReset = "\x1b[0m"
	colorDim   = "\x1b[2m"
	colorMatch = "\x1b[1;31m"
	colorError = "\x1b[31m"
	colorWarn  = "\x1b[33m"
	colorName  = "\x1b[36m"
)

// print writes records, with the lines around them where asked for.
func (g *grep) print(ctx context.Context, records []record) error {
	around := g.options.before > 0 || g.options.after > 0
	var printed map[string]bool
	for _, r := range records {
		if !around {
			g.found = true
			if err := g.write(r, true); err != nil {
				return err
			}
			continue
		}
		if printed == nil {
			printed = map[string]bool{}
		}
		if err := g.printAround(ctx, r, records, printed); err != nil {
			return err
		}
	}
	return nil
}

// printAround writes a match between its neighbours; groups are set apart by "--", as grep does, and share no line.
func (g *grep) printAround(ctx context.Context, match record, matches []record, printed map[string]bool) error {
	var around api.Context
	params := url.Values{"id": {match.log.ID}, "before": {strconv.Itoa(g.options.before)}, "after": {strconv.Itoa(g.options.after)}}
	if err := g.client.get(ctx, "/api/v1/context", params, &around); err != nil {
		return err
	}
	g.warn(around.Stats)
	isMatch := map[string]bool{}
	for _, m := range matches {
		isMatch[m.id()] = true
	}
	group := make([]record, 0, len(around.Before)+1+len(around.After))
	for i := range around.Before {
		group = append(group, record{log: &around.Before[i]})
	}
	group = append(group, match)
	for i := range around.After {
		group = append(group, record{log: &around.After[i]})
	}
	joins := len(group) > 0 && printed[group[0].id()]
	if g.found && !joins && !g.options.json {
		if _, err := g.out.WriteString("--\n"); err != nil {
			return err
		}
	}
	g.found = true
	for _, r := range group {
		if printed[r.id()] {
			continue
		}
		printed[r.id()] = true
		if err := g.write(r, isMatch[r.id()]); err != nil {
			return err
		}
	}
	return nil
}

// write writes one record; a line around a match has '-' where a match has ':'.
func (g *grep) write(r record, match bool) error {
	if g.options.json {
		enc := json.NewEncoder(g.out)
		enc.SetEscapeHTML(false)
		if r.log != nil {
			return enc.Encode(r.log)
		}
		return enc.Encode(r.span)
	}
	text := g.shown(r.text())
	if g.options.only && !g.options.invert {
		for _, at := range g.highlight.find(text) {
			piece := text[at[0]:at[1]]
			if g.color {
				piece = colorMatch + piece + colorReset
			}
			if err := g.line(r, match, piece); err != nil {
				return err
			}
		}
		return nil
	}
	if g.color && match && !g.options.invert {
		text = g.highlight.paint(text)
	}
	return g.line(r, match, text)
}

func (g *grep) line(r record, match bool, text string) error {
	var b strings.Builder
	if !g.options.bare {
		g.prefix(&b, r, match)
	}
	b.WriteString(text)
	b.WriteByte('\n')
	_, err := g.out.WriteString(b.String())
	return err
}

func (g *grep) prefix(b *strings.Builder, r record, match bool) {
	paint := func(color, text string) {
		if g.color && color != "" {
			text = color + text + colorReset
		}
		b.WriteString(text)
	}
	paint(colorDim, time.Unix(0, r.nano()).Format("2006-01-02T15:04:05.000000Z07:00"))
	b.WriteByte(' ')
	separator := ": "
	if !match {
		separator = "- "
	}
	if r.log != nil {
		paint(colorName, g.shown(orDash(r.log.Service)))
		b.WriteByte(' ')
		paint(severityColor(r.log.SeverityNumber), orDash(r.log.Severity))
	} else {
		paint(colorName, g.shown(orDash(r.span.Service)))
		b.WriteByte(' ')
		b.WriteString(r.span.TraceID)
		b.WriteByte(' ')
		b.WriteString(formatNanos(r.span.DurationNano))
		if r.span.Status == "error" {
			b.WriteByte(' ')
			paint(colorError, "error")
		}
	}
	b.WriteString(separator)
}

// shown is a text as it is printed: on a terminal control characters stand as ^X (but line feeds and tabs), so that what a record says is read and not
// obeyed. Piped, it is as it was sent.
func (g *grep) shown(text string) string {
	if !g.terminal || strings.IndexFunc(text, steers) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		switch {
		case !steers(r):
			b.WriteRune(r)
		case r < 0x80:
			b.WriteByte('^')
			b.WriteByte(byte(r) ^ 0x40)
		default: // C1: some terminals take them for escape sequences
			fmt.Fprintf(&b, "<U+%04X>", r)
		}
	}
	return b.String()
}

func steers(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// severityColor marks WARN (13..16) and worse.
func severityColor(number int) string {
	switch {
	case number >= 17:
		return colorError
	case number >= 13:
		return colorWarn
	}
	return ""
}
