package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"clew/query/engine"
	"clew/query/lang"
)

// Deletions runs deletions by query. All methods are called concurrently.
type Deletions interface {
	// Request makes a deletion of what matches; it is durable when it returns. query is the text of r.Query. What is wrong with the request
	// is a *RefusedError.
	Request(ctx context.Context, r engine.Request, query, by string) (Deletion, error)
	// List gives the newest, at most limit; waiting: only those that are not done.
	List(ctx context.Context, waiting bool, limit int) ([]Deletion, error)
	// Get gives one; false: there is none of that id.
	Get(ctx context.Context, id string) (Deletion, bool, error)
}

// RefusedError says why something is not done, to who asked for it.
type RefusedError struct{ What string }

func (e *RefusedError) Error() string { return e.What }

// Deletion is a deletion by query and what became of it: a line of the audit record.
type Deletion struct {
	ID        string `json:"id"`
	Tenant    string `json:"tenant"`
	Signal    string `json:"signal"`
	Query     string `json:"query"`
	Start     string `json:"start,omitempty"`
	End       string `json:"end"`
	Requested string `json:"requested"`
	By        string `json:"by"`
	State     string `json:"state"` // waiting or done
	Finished  string `json:"finished,omitempty"`
	Records   int64  `json:"records"` // that are gone
	// Damaged says what could not be read: whether it holds records that match is not known.
	Damaged []string `json:"damaged,omitempty"`
	Error   string   `json:"error,omitempty"` // of the last attempt; it is repeated
	// Shards is how many there were when it was asked for, where several processes may own them; Left are those in which it is not done.
	Shards int             `json:"shards,omitempty"`
	Left   []DeletionShard `json:"left,omitempty"`
}

// DeletionShard is a shard in which a deletion is not done.
type DeletionShard struct {
	Shard int    `json:"shard"`
	Owner string `json:"owner"`           // who is to do it; empty: nobody, at the moment
	Error string `json:"error,omitempty"` // why it has not come to that
}

// DeletionList is a list of deletions, the newest first.
type DeletionList struct {
	Deletions []Deletion `json:"deletions"`
}

// RequestHeader must come with every request that changes something. A browser sends it to another origin only after asking for leave, which is never given: so
// no page that somebody happens to look at can seal or delete here.
const RequestHeader = "X-Clew-Request"

// deliberate refuses requests that a foreign web page can make a browser send.
func deliberate(c *gin.Context) {
	if c.GetHeader(RequestHeader) == "" {
		fail(c, http.StatusForbidden, ErrorDetail{
			Code: "forbidden", Field: RequestHeader, Message: "a request that changes something needs the header " + RequestHeader + ": 1", Hint: "curl -H '" + RequestHeader + ": 1' ...",
		})
	}
}

func (s *Server) delete(c *gin.Context) {
	r, err := request(c, "by")
	if err != nil {
		s.failed(c, err)
		return
	}
	query := c.Query("query")
	if _, all := r.Query.(lang.Everything); r.Query == nil || all && strings.TrimSpace(query) != "*" {
		s.failed(c, &paramError{field: "query", err: errors.New("want what to delete; * is everything")})
		return
	}
	by := c.RemoteIP()
	if id := who(c); id != nil {
		by = fmt.Sprintf("%s (%s)", id, by)
	}
	if name := c.Query("by"); name != "" {
		by = fmt.Sprintf("%s (%s)", name, by)
	}
	d, err := s.deps.Deletions.Request(c.Request.Context(), r, query, by)
	if err != nil {
		s.failed(c, err)
		return
	}
	c.JSON(http.StatusAccepted, d)
}

func (s *Server) deletions(c *gin.Context) { s.listDeletions(c, true) }

func (s *Server) audit(c *gin.Context) {
	if id, one := c.GetQuery("id"); one {
		s.auditOne(c, id)
		return
	}
	s.listDeletions(c, false)
}

// auditOne answers with a list of one deletion, or of none.
func (s *Server) auditOne(c *gin.Context, id string) {
	if err := checkParams(c, "id"); err != nil {
		s.failed(c, err)
		return
	}
	if id == "" || len(id) > deletionIDMax || strings.ContainsAny(id, "/\\\x00") {
		s.failed(c, &paramError{field: "id", err: errors.New("want a deletion's id")})
		return
	}
	list := DeletionList{Deletions: []Deletion{}}
	d, found, err := s.deps.Deletions.Get(c.Request.Context(), id)
	if err != nil {
		s.failed(c, err)
		return
	}
	if found {
		list.Deletions = append(list.Deletions, d)
	}
	c.JSON(http.StatusOK, list)
}

// deletionIDMax bounds the id of a deletion that is asked for: they are some 50 bytes.
const deletionIDMax = 200

func (s *Server) listDeletions(c *gin.Context, waiting bool) {
	if err := checkParams(c, "limit"); err != nil {
		s.failed(c, err)
		return
	}
	limit, err := intParam(c, "limit", searchDefault, 1, searchMax)
	if err != nil {
		s.failed(c, err)
		return
	}
	list, err := s.deps.Deletions.List(c.Request.Context(), waiting, limit)
	if err != nil {
		s.failed(c, err)
		return
	}
	c.JSON(http.StatusOK, DeletionList{Deletions: append([]Deletion{}, list...)})
}
