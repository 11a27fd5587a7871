package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"clew/query/api"
)

// explain prints how each segment answers a count of the matches.
func (g *grep) explain(ctx context.Context) error {
	var answer api.Explain
	if err := g.client.get(ctx, "/api/v1/explain", g.params, &answer); err != nil {
		return err
	}
	g.warn(answer.Stats)
	g.found = answer.Count > 0
	if g.options.json {
		return json.NewEncoder(g.out).Encode(answer)
	}
	_, err := g.out.WriteString(g.shown(explainLines(&answer)))
	return err
}

func explainLines(x *api.Explain) string {
	var b strings.Builder
	fmt.Fprintf(&b, "query    %s\nmatches  %d\n", x.Query, x.Count)
	fmt.Fprintf(&b, "took     %.1f ms, %d bytes read; %d parts, %d of %d row groups ruled out (%d by time, %d by vocabulary, %d by filter); %d texts rebuilt\n",
		x.Stats.TookMs, x.Stats.BytesRead, x.Stats.Parts, x.Stats.PrunedTime+x.Stats.PrunedVocab+x.Stats.PrunedFilter, x.Stats.RowGroups,
		x.Stats.PrunedTime, x.Stats.PrunedVocab, x.Stats.PrunedFilter, x.Stats.RowsRebuilt)
	for i := range x.Parts {
		explainPart(&b, &x.Parts[i])
	}
	if x.Omitted > 0 {
		fmt.Fprintf(&b, "\nand %d more parts\n", x.Omitted)
	}
	return b.String()
}

func explainPart(b *strings.Builder, p *api.ExplainPart) {
	kind := "segment"
	if p.Head {
		kind = "head"
	}
	fmt.Fprintf(b, "\n%s %s: %d rows in %d row groups, %s to %s\n", kind, p.ID, p.Rows, p.RowGroups, p.MinTime, p.MaxTime)
	fmt.Fprintf(b, "  %s", p.Verdict)
	if p.Plan != "" && p.Plan != p.Verdict {
		fmt.Fprintf(b, ": %s", p.Plan)
	}
	b.WriteByte('\n')
	for _, l := range p.Leaves {
		fmt.Fprintf(b, "    %s (%s) %s", l.Column, l.Kind, l.Question)
		if l.Entries > 0 {
			fmt.Fprintf(b, ": of %d entries %d always, %d may, %d never", l.Entries, l.Always, l.May, l.Never)
		}
		b.WriteByte('\n')
		for _, example := range l.Examples {
			fmt.Fprintf(b, "      may: %s\n", strings.ReplaceAll(example, "\n", `\n`))
		}
	}
	fmt.Fprintf(b, "  row groups: %d ruled out, %d counted by histograms, %d looked into; %d rows match, %d texts rebuilt; %.1f ms\n",
		p.Pruned, p.Histogram, p.Scanned, p.Matched, p.Rebuilt, p.TookMs)
}
