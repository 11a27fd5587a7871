package main

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"clew/query/api"
	"clew/query/lang"
)

// suggest says what may have been meant, where nothing matched: on standard error if somebody reads there, with --json as an object {"suggestions": [...]}.
// An answer there is already; what goes wrong here is not worth a word.
func (g *grep) suggest(ctx context.Context) error {
	if g.options.invert || g.options.follow || !g.options.json && !isTerminal(g.words) {
		return nil
	}
	params := cloneValues(g.params)
	for _, name := range []string{"limit", "order", "cursor"} {
		params.Del(name)
	}
	query, err := g.options.plainQuery()
	if err != nil {
		return nil
	}
	params.Set("query", query.String())
	var answer api.Suggest
	if err := g.client.get(ctx, "/api/v1/suggest", params, &answer); err != nil || len(answer.Suggestions) == 0 {
		return nil
	}
	if g.options.json {
		return json.NewEncoder(g.out).Encode(map[string]any{"suggestions": answer.Suggestions})
	}
	_, err = fmt.Fprint(g.words, suggestionLines(answer.Suggestions))
	return err
}

func suggestionLines(suggestions []api.Suggestion) string {
	var b strings.Builder
	for _, s := range suggestions {
		records := "records"
		if s.Count == 1 {
			records = "record"
		}
		fmt.Fprintf(&b, "clew: nothing has the %s %q; did you mean %q? (%d %s)\n", s.Kind, s.Text, s.Replacement, s.Count, records)
	}
	return b.String()
}

var plainWords = regexp.MustCompile(`^[\pL\p{Nd}_]+( [\pL\p{Nd}_]+)*$`)

// plainQuery is query with a pattern of words asked for as words. What an expression means is not guessed: then only --service and --where are looked at.
func (o *grepOptions) plainQuery() (lang.Expr, error) {
	var match lang.Expr = lang.Everything{}
	if len(o.patterns) == 1 && plainWords.MatchString(o.patterns[0]) {
		match = &lang.Match{Op: lang.OpMatch, Value: lang.Value{Form: lang.FormText, Text: o.patterns[0]}}
	}
	return o.around(match)
}
