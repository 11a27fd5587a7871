package api

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"clew/internal/access"
	"clew/internal/telemetry"
	"clew/query/engine"
)

// Usage is the answer of /api/v1/usage.
type Usage struct {
	By       string     `json:"by"`
	Rows     []UsageRow `json:"rows"`               // most bytes first, then most records
	Records  uint64     `json:"records"`            // all of the time range
	Bytes    int64      `json:"bytes"`              // of their segments on disk, as far as they are in the time range
	Unsealed uint64     `json:"unsealed,omitempty"` // of records: not in segments yet, and so without bytes
	Stats    Stats      `json:"stats"`
}

// UsageRow is what one tenant, service, field or template amounts to.
type UsageRow struct {
	Name     string `json:"name"`             // of a template: with <*> for what varies
	Absent   bool   `json:"absent,omitempty"` // the records that have no such thing
	Signal   string `json:"signal,omitempty"` // by tenant
	Records  uint64 `json:"records"`
	Bytes    int64  `json:"bytes"`
	Distinct uint64 `json:"distinct,omitempty"` // by field: values (texts: templates) in the segment that has most
	First    string `json:"first"`
	Last     string `json:"last"`
}

func (s *Server) usage(c *gin.Context) {
	r, err := usageRequest(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	top, err := intParam(c, "top", groupsDefault, 1, groupsMax)
	if err != nil {
		s.failed(c, err)
		return
	}
	by := c.DefaultQuery("by", string(engine.UsageByService))
	known := []string{"tenant", string(engine.UsageByService), string(engine.UsageByField), string(engine.UsageByTemplate)}
	switch {
	case by == "tenant":
		s.usageByTenant(c, r, top)
		return
	case !slices.Contains(known, by):
		s.failed(c, &paramError{field: "by", err: fmt.Errorf("%.40q: want one of %s", by, strings.Join(known, ", "))})
		return
	}
	found, err := s.deps.Engine.Usage(c.Request.Context(), r, engine.UsageBy(by), top)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Usage{By: by, Rows: make([]UsageRow, len(found.Rows)), Records: found.Records, Bytes: found.Bytes, Unsealed: found.Unsealed, Stats: stats(found.Stats)}
	for i, row := range found.Rows {
		out.Rows[i] = UsageRow{
			Name: row.Name, Absent: row.Absent, Records: row.Records, Bytes: row.Bytes, Distinct: row.Distinct,
			First: formatTime(row.First), Last: formatTime(row.Last),
		}
	}
	c.JSON(http.StatusOK, out)
}

// usageRequest reads the parameters of usage, which is of all records of a signal and time range.
func usageRequest(c *gin.Context) (engine.Request, error) {
	r := engine.Request{Signal: telemetry.Logs}
	if err := checkParams(c, "signal", "start", "end", "by", "top"); err != nil {
		return r, err
	}
	var err error
	if r.Tenant, err = tenant(c); err != nil {
		return r, err
	}
	switch signal := c.DefaultQuery("signal", "logs"); signal {
	case "logs":
	case "spans":
		r.Signal = telemetry.Spans
	default:
		return r, &paramError{field: "signal", err: fmt.Errorf("%.40q: want logs or spans", signal)}
	}
	r.From, r.To, err = timeRange(c)
	return r, err
}

func (s *Server) usageByTenant(c *gin.Context, r engine.Request, top int) {
	tenants, err := s.deps.Engine.UsageByTenant(r.From, r.To)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Usage{By: "tenant", Rows: make([]UsageRow, 0, min(len(tenants), top))}
	for _, t := range tenants {
		if !access.Sees(c.Request.Context(), t.Tenant) {
			continue
		}
		out.Records += t.Records
		out.Bytes += t.Bytes
		if len(out.Rows) < top {
			out.Rows = append(out.Rows, UsageRow{
				Name: t.Tenant, Signal: t.Signal.String(), Records: t.Records, Bytes: t.Bytes, First: formatTime(t.First), Last: formatTime(t.Last),
			})
		}
	}
	c.JSON(http.StatusOK, out)
}
