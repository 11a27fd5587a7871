package api

import (
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"clew/internal/access"
)

// Audit is the audit log of this process. It is called concurrently.
type Audit interface {
	// Events gives the newest first: at most limit of from (inclusive) to to (exclusive), zero for unbounded, whose line contains text.
	Events(text string, from, to time.Time, limit int) ([]access.Event, error)
}

// AuditEvent is a line of the audit log.
type AuditEvent struct {
	Time    string `json:"time"`
	Who     string `json:"who"`
	Address string `json:"address,omitempty"`
	What    string `json:"what"`
	Where   string `json:"where,omitempty"`
	Tenant  string `json:"tenant,omitempty"`
	Query   string `json:"query,omitempty"`
	Allowed bool   `json:"allowed"`
	Status  int    `json:"status,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// AuditEvents are events of the audit log, the newest first.
type AuditEvents struct {
	Events []AuditEvent `json:"events"`
}

func (s *Server) auditEvents(c *gin.Context) {
	if err := checkParams(c, "text", "start", "end", "limit"); err != nil {
		s.failed(c, err)
		return
	}
	limit, err := intParam(c, "limit", searchDefault, 1, searchMax)
	if err != nil {
		s.failed(c, err)
		return
	}
	from, to, err := timeRange(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	if s.deps.Audit == nil {
		fail(c, http.StatusNotFound, ErrorDetail{Code: "not_found", Message: "this process keeps no audit log"})
		return
	}
	events, err := s.deps.Audit.Events(c.Query("text"), timeOf(from), timeOf(to), limit)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := AuditEvents{Events: make([]AuditEvent, len(events))}
	for i, e := range events {
		out.Events[i] = AuditEvent{
			Time: formatTime(e.Time.UnixNano()), Who: e.Who, Address: e.Address, What: e.What, Where: e.Where, Tenant: e.Tenant, Query: e.Query,
			Allowed: e.Allowed, Status: e.Status, Reason: e.Reason, Detail: e.Detail,
		}
	}
	c.JSON(http.StatusOK, out)
}

// timeOf is a time in nanoseconds since 1970; 0 is unbounded.
func timeOf(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos)
}
