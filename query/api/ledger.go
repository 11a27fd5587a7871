package api

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"clew/internal/ledger"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/lang"
)

// Book is the account of all senders; [ledger.Book] is one.
type Book interface {
	Hosts(tenant, host string, now time.Time) []ledger.HostAccount
	Senders(tenant string) []ledger.SenderAccount
	Sampled(tenant string) []ledger.SampledAccount
	Notes(q ledger.Question, now time.Time) []string
	Started() time.Time
}

// Ledger is the answer of /api/v1/ledger.
type Ledger struct {
	Now     time.Time              `json:"now"`   // by the server's clock
	Since   time.Time              `json:"since"` // since when senders and missing numbers are counted: the server's start. Agents' counts are since they were installed
	Hosts   []ledger.HostAccount   `json:"hosts"`
	Senders []ledger.SenderAccount `json:"senders"` // services whose SDK sends by itself
	// Sampled is what tail sampling has left out of what was stored, of all hosts and services together.
	Sampled []ledger.SampledAccount `json:"sampled,omitempty"`
}

func (s *Server) ledger(c *gin.Context) {
	if err := checkParams(c, "host", "since"); err != nil {
		s.failed(c, err)
		return
	}
	name, err := tenant(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	now := time.Now()
	since, err := timeParam(c, "since", now)
	if err != nil {
		s.failed(c, err)
		return
	}
	host := c.Query("host")
	out := Ledger{Now: now.UTC(), Hosts: []ledger.HostAccount{}, Senders: []ledger.SenderAccount{}}
	if s.deps.Book != nil {
		out.Since = s.deps.Book.Started().UTC()
		out.Hosts = s.deps.Book.Hosts(name, host, now)
		if host == "" {
			out.Senders = s.deps.Book.Senders(name)
			out.Sampled = s.deps.Book.Sampled(name)
		}
	}
	if since > 0 {
		from := time.Unix(0, since)
		out.Hosts = slices.DeleteFunc(out.Hosts, func(h ledger.HostAccount) bool { return h.LastHeard.Before(from) })
		out.Senders = slices.DeleteFunc(out.Senders, func(x ledger.SenderAccount) bool { return x.LastHeard.Before(from) })
	}
	if host != "" && len(out.Hosts) == 0 {
		fail(c, http.StatusNotFound, ErrorDetail{Code: "not_found", Message: fmt.Sprintf("no agent on a host %.200q has been heard of", host), Field: "host"})
		return
	}
	c.JSON(http.StatusOK, out)
}

// noted adds to an answer's statistics what agents are known not to have brought of it.
func (s *Server) noted(r engine.Request, stats Stats) Stats {
	if s.deps.Book == nil {
		return stats
	}
	q := ledger.Question{Tenant: r.Tenant, Signal: r.Signal.String(), Hosts: hostsMeant(r.Query)}
	if r.From != 0 {
		q.From = time.Unix(0, r.From)
	}
	if r.To != 0 {
		q.To = time.Unix(0, r.To)
	}
	stats.Notes = s.deps.Book.Notes(q, time.Now())
	return stats
}

// notedTrace is noted for a trace, whose spans come from any host.
func (s *Server) notedTrace(tenant string, from, to int64, stats Stats) Stats {
	return s.noted(engine.Request{Tenant: tenant, Signal: telemetry.Spans, From: from, To: to + 1}, stats)
}

// hostsMeant are the hosts that a query asks for by name and no others; nil: any.
func hostsMeant(query lang.Expr) []string {
	switch e := query.(type) {
	case *lang.And:
		for _, term := range e.Terms {
			if hosts := hostsMeant(term); hosts != nil {
				return hosts
			}
		}
	case *lang.Or:
		var all []string
		for _, term := range e.Terms {
			hosts := hostsMeant(term)
			if hosts == nil {
				return nil
			}
			all = append(all, hosts...)
		}
		return all
	case *lang.Match:
		exact := e.Op == lang.OpEqual || e.Op == lang.OpMatch
		if (e.Field == "host.name" || e.Field == "resource.host.name") && exact && e.Value.Form == lang.FormText {
			return []string{e.Value.Text}
		}
	}
	return nil
}
