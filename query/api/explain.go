package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"clew/query/engine"
)

// Explain is the answer of /api/v1/explain.
type Explain struct {
	Query   string        `json:"query"` // as it was understood
	Count   uint64        `json:"count"` // matching records
	Parts   []ExplainPart `json:"parts"` // newest first
	Omitted int           `json:"omitted,omitempty"`
	Stats   Stats         `json:"stats"`
}

// ExplainPart says how a segment or head generation rewrote the query, and what was left to look at.
type ExplainPart struct {
	ID        string        `json:"id"`
	Head      bool          `json:"head,omitempty"`
	Rows      int           `json:"rows"`
	RowGroups int           `json:"rowGroups"`
	MinTime   string        `json:"minTime"`
	MaxTime   string        `json:"maxTime"`
	Verdict   string        `json:"verdict"`
	Plan      string        `json:"plan,omitempty"`
	Leaves    []ExplainLeaf `json:"leaves,omitempty"`
	Pruned    int           `json:"pruned"`    // row groups ruled out without looking at a row
	Histogram int           `json:"histogram"` // row groups counted by histograms alone
	Scanned   int           `json:"scanned"`   // row groups whose rows were looked at
	Matched   int64         `json:"matched"`   // rows
	Rebuilt   int64         `json:"rebuilt"`   // rows whose text was put together and tested
	TookMs    float64       `json:"tookMs"`
}

// ExplainLeaf is a question to one column, and for how many entries of its vocabulary the answer is settled.
type ExplainLeaf struct {
	Column   string   `json:"column"`
	Kind     string   `json:"kind"`
	Question string   `json:"question"`
	Entries  int      `json:"entries,omitempty"`
	Always   int      `json:"always,omitempty"`
	May      int      `json:"may,omitempty"`
	Never    int      `json:"never,omitempty"`
	Examples []string `json:"examples,omitempty"` // templates that may match
}

func (s *Server) explain(c *gin.Context) {
	r, err := request(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	x, err := s.deps.Engine.Explain(c.Request.Context(), r)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Explain{Query: x.Query, Count: x.Count, Parts: make([]ExplainPart, len(x.Parts)), Omitted: x.Omitted, Stats: stats(x.Stats)}
	for i := range x.Parts {
		out.Parts[i] = explainPart(&x.Parts[i])
	}
	c.JSON(http.StatusOK, out)
}

func explainPart(p *engine.PartExplanation) ExplainPart {
	out := ExplainPart{
		ID: p.ID, Head: p.Head, Rows: p.Rows, RowGroups: p.RowGroups, MinTime: explainTime(p.MinTime), MaxTime: explainTime(p.MaxTime),
		Verdict: string(p.Verdict), Plan: p.Plan, Pruned: p.Pruned, Histogram: p.Histogram, Scanned: p.Scanned,
		Matched: p.Matched, Rebuilt: p.Rebuilt, TookMs: float64(p.Took.Microseconds()) / 1000,
	}
	for _, l := range p.Leaves {
		out.Leaves = append(out.Leaves, ExplainLeaf(l))
	}
	return out
}

func explainTime(nanos int64) string { return time.Unix(0, nanos).UTC().Format(time.RFC3339Nano) }
