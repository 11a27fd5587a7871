package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clew/query/api"
	"clew/query/lang"
)

const (
	grepPage        = 1000 // records a request: a screenful of screens, and well within the server's limit
	grepTail        = 10   // matches shown before following, as tail does
	grepFollowEvery = 500 * time.Millisecond
	// grepFollowBack is how far behind the newest record a late one may be and still be shown while following.
	grepFollowBack = 30 * time.Second
)

type grepOptions struct {
	clientFlags
	timeRange
	fixed, ignoreCase, word, count, invert, only, follow, json, bare, explain bool
	max, after, before, context                                               int
	service, where, signal, color                                             string
	patterns                                                                  []string
	limited                                                                   bool // -m was given
}

func newGrepCommand() *cobra.Command {
	var o grepOptions
	cmd := &cobra.Command{
		Use:   "grep [flags] [PATTERN]",
		Short: "Print the log records that match a regular expression",
		Long: `Print the log records whose body matches PATTERN (RE2, case-sensitive), oldest first.

The pattern is answered by the index and tested against the raw text, so the answer is exact. A record is one line to -c,
whatever its text. Where nothing matches, what may have been meant is said on standard error of a terminal (with --json as an object with "suggestions"). Exit codes are grep's: 0 found, 1 nothing found, 2 error.`,
		Example: `  clew grep 'timeout after [0-9]+ms'
  clew grep -F 'GET /cart?id=42' --service frontend --since 1h
  clew grep -c -i -w error --where 'k8s.namespace.name:prod severity>=warn'
  clew grep -C 3 'panic:' -m 5
  clew grep -f --service checkout ''
  clew grep -e OutOfMemory -e 'out of memory' --since 1h
  clew grep --explain 'timeout after [0-9]+ms'
  clew grep --json OutOfMemory | jq .resource.attributes`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			switch {
			case len(o.patterns) == 0 && len(args) == 0:
				return errors.New("clew grep wants a PATTERN, or several by -e PATTERN")
			case len(o.patterns) > 0 && len(args) > 0:
				return fmt.Errorf("%q: with -e all patterns are given by -e", args[0])
			}
			o.patterns = append(o.patterns, args...)
			o.limited = cmd.Flags().Changed("max-count")
			return o.run(cmd.Context(), cmd)
		},
	}
	o.clientFlags.register(cmd)
	o.timeRange.register(cmd)
	f := cmd.Flags()
	f.StringArrayVarP(&o.patterns, "regexp", "e", nil, "a `PATTERN`; may be given several times, and a record that matches one of them matches")
	f.BoolVarP(&o.fixed, "fixed-strings", "F", false, "PATTERN is a fixed string")
	f.BoolVarP(&o.ignoreCase, "ignore-case", "i", false, "ignore case")
	f.BoolVarP(&o.word, "word-regexp", "w", false, "PATTERN must stand between non-word characters (words: letters, digits, _)")
	f.BoolVarP(&o.count, "count", "c", false, "print only the number of matching records")
	f.BoolVarP(&o.invert, "invert-match", "v", false, "records that do not match")
	f.BoolVarP(&o.only, "only-matching", "o", false, "print only the matching pieces, one a line")
	f.IntVarP(&o.max, "max-count", "m", 0, "only the newest `N` matching records")
	f.IntVarP(&o.after, "after-context", "A", 0, "also `N` records after each, of the same service instance")
	f.IntVarP(&o.before, "before-context", "B", 0, "also `N` records before each, of the same service instance")
	f.IntVarP(&o.context, "context", "C", 0, "as -A `N` -B N")
	f.BoolVarP(&o.follow, "follow", "f", false, "go on and print new matches as they arrive")
	f.StringVar(&o.service, "service", "", "only this service (resource attribute service.name)")
	f.StringVar(&o.where, "where", "", "only records that match this `query` too (the language of the search page)")
	f.StringVar(&o.signal, "signal", "logs", "logs, or spans (name, status message and exceptions are searched)")
	f.BoolVar(&o.json, "json", false, "print whole records, one JSON object a line")
	f.BoolVar(&o.bare, "no-prefix", false, "print bodies alone, without time, service and severity")
	f.BoolVar(&o.explain, "explain", false, "print how each segment answers the count, instead of records")
	f.StringVar(&o.color, "color", "auto", "auto, always or never")
	return cmd
}

func (o *grepOptions) run(ctx context.Context, cmd *cobra.Command) error {
	if err := o.check(); err != nil {
		return err
	}
	highlight, err := o.compile()
	if err != nil {
		return err
	}
	query, err := o.query()
	if err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	params := url.Values{"signal": {o.signal}, "query": {query.String()}}
	if err := o.params(params, time.Now()); err != nil {
		return err
	}
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
	defer out.Flush()
	g := &grep{options: o, client: c, params: params, out: out, words: cmd.ErrOrStderr(), highlight: highlight}
	g.terminal = isTerminal(cmd.OutOrStdout())
	g.color = o.color == "always" || o.color == "auto" && g.terminal && os.Getenv("NO_COLOR") == ""
	switch {
	case o.explain:
		err = g.explain(ctx)
	case o.limited && o.max == 0: // as grep: nothing is wanted, nothing is asked
		return exitCode(exitNothing)
	case o.count:
		err = g.count(ctx)
	case o.follow:
		err = g.followMatches(ctx)
	case o.max > 0:
		err = g.newest(ctx, o.max)
	default:
		err = g.all(ctx)
	}
	if err != nil {
		return err
	}
	if !g.found {
		err = g.suggest(ctx)
	}
	if err := errors.Join(err, out.Flush()); err != nil {
		return err
	}
	if !g.found {
		return exitCode(exitNothing)
	}
	return nil
}

func (o *grepOptions) check() error {
	if o.context > 0 {
		o.after, o.before = max(o.after, o.context), max(o.before, o.context)
	}
	switch {
	case o.signal != "logs" && o.signal != "spans":
		return fmt.Errorf("--signal %q: want logs or spans", o.signal)
	case o.max < 0 || o.after < 0 || o.before < 0 || o.context < 0:
		return errors.New("-m, -A, -B and -C want a number that is not negative")
	case (o.after > 0 || o.before > 0) && (o.signal != "logs" || o.count || o.follow || o.only):
		return errors.New("-A, -B and -C show lines around log records; they do not go with --signal spans, -c, -f or -o")
	case o.color != "auto" && o.color != "always" && o.color != "never":
		return fmt.Errorf("--color %q: want auto, always or never", o.color)
	case o.count && o.follow:
		return errors.New("-c and -f do not go together: a count needs an end")
	case o.explain && (o.follow || o.only || o.after > 0 || o.before > 0):
		return errors.New("--explain tells of a count; it does not go with -f, -o, -A, -B or -C")
	}
	return nil
}

// expression is a pattern as a regular expression.
func (o *grepOptions) expression(pattern string) string {
	if o.fixed {
		return regexp.QuoteMeta(pattern)
	}
	return pattern
}

// compile makes the expression for -o and for highlighting, which the server has no part in.
func (o *grepOptions) compile() (*pieces, error) {
	texts := make([]string, len(o.patterns))
	for i, pattern := range o.patterns {
		texts[i] = o.expression(pattern)
		// Alone first: "a)(b" would be a right expression within the groups that flags put around it.
		if _, err := regexp.Compile(texts[i]); err != nil {
			return nil, fmt.Errorf("pattern %q: %w (for a fixed string use -F)", pattern, err)
		}
		if len(o.patterns) > 1 {
			texts[i] = "(?:" + texts[i] + ")"
		}
	}
	text := strings.Join(texts, "|")
	if o.ignoreCase {
		text = "(?i:" + text + ")"
	}
	p, err := newPieces(text, o.word)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", text, err)
	}
	return p, nil
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// match is what one pattern asks.
func (o *grepOptions) match(pattern string) lang.Expr {
	regex := func(text string) lang.Expr {
		return &lang.Match{Op: lang.OpMatch, Value: lang.Value{Form: lang.FormRegex, Text: text, Fold: o.ignoreCase}}
	}
	text := o.expression(pattern)
	switch {
	case pattern == "":
		return lang.Everything{}
	case !o.word:
		return regex(text)
	}
	var terms []lang.Expr
	if plainWord.MatchString(pattern) {
		// The vocabulary knows whole words: asked first, it leaves the expression little to test, and without case nothing.
		terms = append(terms, &lang.Match{Op: lang.OpMatch, Value: lang.Value{Form: lang.FormText, Text: pattern}})
	}
	if len(terms) == 0 || !o.ignoreCase {
		terms = append(terms, regex(`(?:^|[^\pL\p{Nd}_])(?:`+text+`)(?:$|[^\pL\p{Nd}_])`))
	}
	return lang.Conj(terms...)
}

// query lowers the flags to the native language.
func (o *grepOptions) query() (lang.Expr, error) {
	matches := make([]lang.Expr, len(o.patterns))
	for i, pattern := range o.patterns {
		matches[i] = o.match(pattern)
	}
	return o.around(lang.Disj(matches...))
}

// around adds what the other flags ask.
func (o *grepOptions) around(match lang.Expr) (lang.Expr, error) {
	if o.invert {
		match = lang.Neg(match)
	}
	terms := []lang.Expr{match}
	if o.service != "" {
		terms = append(terms, &lang.Match{Field: "service", Op: lang.OpEqual, Value: lang.Value{Form: lang.FormText, Text: o.service}})
	}
	if o.where != "" {
		where, err := lang.Parse(o.where)
		if err != nil {
			return nil, fmt.Errorf("--where %w", err)
		}
		terms = append(terms, where)
	}
	return lang.Conj(terms...), nil
}

// grep is one run.
type grep struct {
	options   *grepOptions
	client    *client
	params    url.Values
	out       *bufio.Writer
	words     io.Writer
	highlight *pieces
	terminal  bool // out is one: nothing that a record says may steer it
	color     bool
	found     bool
	warned    map[string]bool
}

func (g *grep) count(ctx context.Context) error {
	var answer api.Count
	if err := g.client.get(ctx, "/api/v1/count", g.params, &answer); err != nil {
		return err
	}
	g.warn(answer.Stats)
	g.found = answer.Count > 0
	n := answer.Count
	if m := uint64(g.options.max); m > 0 {
		n = min(n, m)
	}
	if g.options.json {
		return json.NewEncoder(g.out).Encode(answer)
	}
	_, err := fmt.Fprintln(g.out, n)
	return err
}

// page asks for one page; it returns the records and the cursor of the next, "" after the last.
func (g *grep) page(ctx context.Context, params url.Values) ([]record, string, error) {
	var answer api.Search
	if err := g.client.get(ctx, "/api/v1/search", params, &answer); err != nil {
		return nil, "", err
	}
	g.warn(answer.Stats)
	records := make([]record, 0, len(answer.Logs)+len(answer.Spans))
	for i := range answer.Logs {
		records = append(records, record{log: &answer.Logs[i]})
	}
	for i := range answer.Spans {
		records = append(records, record{span: &answer.Spans[i]})
	}
	return records, answer.Cursor, nil
}

// all prints every match, oldest first, a page at a time.
func (g *grep) all(ctx context.Context) error {
	g.params.Set("order", "asc")
	g.params.Set("limit", strconv.Itoa(grepPage))
	for {
		records, cursor, err := g.page(ctx, g.params)
		if err != nil {
			return err
		}
		if err := g.print(ctx, records); err != nil {
			return err
		}
		if cursor == "" {
			return nil
		}
		g.params.Set("cursor", cursor)
	}
}

// newest prints the newest n matches, oldest of them first.
func (g *grep) newest(ctx context.Context, n int) error {
	records, err := g.last(ctx, n)
	if err != nil {
		return err
	}
	return g.print(ctx, records)
}

func (g *grep) last(ctx context.Context, n int) ([]record, error) {
	params := cloneValues(g.params)
	params.Set("order", "desc")
	var records []record
	for len(records) < n {
		params.Set("limit", strconv.Itoa(min(n-len(records), grepPage)))
		page, cursor, err := g.page(ctx, params)
		if err != nil {
			return nil, err
		}
		records = append(records, page...)
		if cursor == "" {
			break
		}
		params.Set("cursor", cursor)
	}
	slices.Reverse(records)
	return records, nil
}

// followMatches prints the last matches and then new ones until interrupted. Records come in almost, but not quite, in the order of
// their times: each round looks back a while and skips what has been shown.
func (g *grep) followMatches(ctx context.Context) error {
	n := grepTail
	if g.options.max > 0 {
		n = g.options.max
	}
	started := time.Now()
	records, err := g.last(ctx, n)
	if err != nil {
		return err
	}
	if err := g.print(ctx, records); err != nil {
		return err
	}
	shown := map[string]int64{}
	for _, r := range records {
		shown[r.id()] = r.nano()
	}
	from := started.Add(-grepFollowBack).UnixNano()
	first := true // what was there before and has not been shown is not new
	for {
		params := cloneValues(g.params)
		params.Set("order", "asc")
		params.Set("limit", strconv.Itoa(grepPage))
		params.Set("start", strconv.FormatInt(from, 10))
		newest := from + int64(grepFollowBack)
		for {
			records, cursor, err := g.page(ctx, params)
			if err != nil {
				return quietOnInterrupt(ctx, err)
			}
			var fresh []record
			for _, r := range records {
				if _, ok := shown[r.id()]; !ok && (!first || r.nano() >= started.UnixNano()) {
					fresh = append(fresh, r)
				}
				shown[r.id()] = r.nano()
				newest = max(newest, min(r.nano(), time.Now().UnixNano()))
			}
			if err := g.print(ctx, fresh); err != nil {
				return err
			}
			if cursor == "" {
				break
			}
			params.Set("cursor", cursor)
		}
		if err := g.out.Flush(); err != nil {
			return err
		}
		first = false
		from = newest - int64(grepFollowBack)
		for id, nano := range shown {
			if nano < from {
				delete(shown, id)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(grepFollowEvery):
		}
	}
}

func quietOnInterrupt(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func cloneValues(v url.Values) url.Values {
	c := make(url.Values, len(v))
	for k, s := range v {
		c[k] = slices.Clone(s)
	}
	return c
}

// warn says once on standard error why an answer may miss records.
func (g *grep) warn(stats api.Stats) {
	if !stats.Partial {
		return
	}
	if g.warned == nil {
		g.warned = map[string]bool{}
	}
	for _, reason := range stats.Reasons {
		if !g.warned[reason] {
			g.warned[reason] = true
			fmt.Fprintf(g.words, "clew: the answer is not complete: %s\n", reason)
		}
	}
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
