package api

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"clew/query/suggest"
)

// Suggest is the answer of /api/v1/suggest.
type Suggest struct {
	Count       uint64       `json:"count"`       // records that match the query as it is; if there are any, nothing is suggested
	Suggestions []Suggestion `json:"suggestions"` // those that change least first, then those that find most
	Stats       Stats        `json:"stats"`
}

// Suggestion is a query that finds something, in place of one that finds nothing.
type Suggestion struct {
	Kind        string `json:"kind"` // what was replaced: field, value or word
	Text        string `json:"text"` // what was asked
	Replacement string `json:"replacement"`
	Pos         int    `json:"pos"` // byte offsets of the term with text in the query
	End         int    `json:"end"`
	Query       string `json:"query"` // the whole query with the replacement
	Count       uint64 `json:"count"` // records that it matches
}

func (s *Server) suggest(c *gin.Context) {
	r, err := request(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	found, err := suggest.Suggest(c.Request.Context(), s.deps.Engine, r)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Suggest{Count: found.Count, Suggestions: make([]Suggestion, len(found.Suggestions)), Stats: stats(found.Stats)}
	for i, f := range found.Suggestions {
		out.Suggestions[i] = Suggestion{
			Kind: string(f.Kind), Text: f.Text, Replacement: f.Replacement, Pos: f.Pos, End: f.End, Query: f.Query.String(), Count: f.Count,
		}
	}
	c.JSON(http.StatusOK, out)
}

// Complete is the answer of /api/v1/complete.
type Complete struct {
	Field       string       `json:"field,omitempty"` // whose values these are; absent: they are fields
	Completions []Completion `json:"completions"`     // by count, descending
	Source      string       `json:"source"`          // records: counts are of matching records; vocabulary: of segments, because counting records took too long
	Stats       Stats        `json:"stats"`
}

// Completion is a field's name or value that begins as asked.
type Completion struct {
	Text  string `json:"text"`
	Count uint64 `json:"count"`
}

func (s *Server) complete(c *gin.Context) {
	r, err := request(c, "field", "prefix", "top")
	if err != nil {
		s.failed(c, err)
		return
	}
	top, err := intParam(c, "top", groupsDefault, 1, groupsMax)
	if err != nil {
		s.failed(c, err)
		return
	}
	found, err := suggest.Complete(c.Request.Context(), s.deps.Engine, r, c.Query("field"), c.Query("prefix"), top)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Complete{Field: c.Query("field"), Completions: make([]Completion, len(found.Completions)), Source: "records", Stats: stats(found.Stats)}
	if found.OfSegments {
		out.Source = "vocabulary"
	}
	for i, f := range found.Completions {
		out.Completions[i] = Completion{Text: f.Value, Count: f.Count}
	}
	c.JSON(http.StatusOK, out)
}
