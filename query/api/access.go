package api

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"clew/internal/access"
	"clew/internal/access/login"
	"clew/internal/telemetry"
	"clew/query/alert/notify"
)

// Whoami is the answer of /api/v1/whoami.
type Whoami struct {
	Asked  bool           `json:"asked"` // whether anybody is asked who he is
	Name   string         `json:"name"`  // empty: nobody
	Kind   string         `json:"kind"`  // token, certificate, oidc; empty: nobody
	Tenant string         `json:"tenant"`
	Grants []access.Grant `json:"grants"`
	// Open are the ports that others than this host reach without credentials.
	Open []string `json:"open"`
}

// door is this server's name in counters and the audit log.
const door = "api"

// What requests need.
var (
	anybody    = access.Need{Scope: access.NoTenant}
	reads      = access.Need{Role: access.Read}
	readsAll   = access.Need{Role: access.Read, Scope: access.EachTenant}
	writes     = access.Need{Role: access.Write}
	administer = access.Need{Role: access.Admin}
	// runsClew is also what everything needs that is not named below: a route that somebody adds is closed until it is opened.
	runsClew = access.Need{Role: access.Admin, Scope: access.EachTenant}
)

// open are the paths that nobody is asked at: probes, which tell nothing, and the login.
func open(url string) bool {
	return slices.Contains([]string{"/healthz", "/readyz"}, url) || strings.HasPrefix(url, login.Prefix)
}

// routeNeeds are the needs of routes that are not like their neighbours.
var routeNeeds = map[string]access.Need{
	"GET /metrics":                   readsAll, // names tenants
	"GET /api/v1/cluster":            readsAll, // addresses of processes, and what is wrong with them
	"GET /api/v1/whoami":             anybody,
	"POST /api/v1/rules/backtest":    reads, // changes nothing
	"POST /api/v1/admin/delete":      administer,
	"GET /prometheus/api/v1/rules":   reads,
	"GET /prometheus/api/v1/alerts":  reads,
	"GET /alertmanager/*path":        readsAll, // silences and groups are of all tenants; alertmanagerNeed opens what can be told apart
	"HEAD /alertmanager/*path":       readsAll,
	"GET /api/v1/openapi.yaml":       anybody,
	"GET /api/v1/admin/delete":       runsClew,
	"GET /api/v1/admin/audit":        runsClew,
	"GET /api/v1/admin/audit/events": runsClew,
	"GET /api/v1/admin/catalog":      runsClew,
	"POST /api/v1/admin/seal":        runsClew,
	"GET /debug/pprof/*any":          runsClew,
	"POST /alertmanager/*path":       runsClew,
	"DELETE /alertmanager/*path":     runsClew,
}

// needOf is what a request needs. route is the router's pattern; empty: none.
func needOf(method, route, url string) access.Need {
	if need, ok := routeNeeds[method+" "+route]; ok {
		if strings.HasPrefix(route, "/alertmanager/") && need == readsAll && slices.Contains(tenantAlerts, url) {
			return reads
		}
		return need
	}
	looks := method == http.MethodGet || method == http.MethodHead
	switch {
	case route == "" && strings.HasPrefix(url, "/prometheus/"):
		return prometheusNeed(method, path.Clean(url))
	case route == "" && looks && !under(url, "/api", "/debug", "/alertmanager"):
		return anybody // pages
	case looks && strings.HasPrefix(route, "/api/v1/") && !strings.HasPrefix(route, "/api/v1/admin/"):
		return reads
	}
	return runsClew
}

func under(url string, prefixes ...string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return url == p || strings.HasPrefix(url, p+"/") })
}

// prometheusNeed is what a request of Prometheus' API needs: its questions may be asked by POST.
func prometheusNeed(method, url string) access.Need {
	switch {
	case url == "/prometheus/api/v1/write", strings.HasPrefix(url, "/prometheus/api/v1/otlp/"):
		return writes
	case url == "/prometheus/api/v1/status/self_metrics":
		return readsAll // what /metrics tells
	case !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodOptions}, method):
		return runsClew
	case slices.Contains(prometheusReads, strings.TrimPrefix(url, "/prometheus/")), strings.HasPrefix(url, "/prometheus/api/v1/label/"), strings.HasPrefix(url, "/prometheus/api/v1/search/"):
		return reads
	}
	return runsClew
}

// prometheusReads are the questions of Prometheus' API whose answers are of one tenant, or of nobody. A later Prometheus has more: they are closed until they
// are named here.
var prometheusReads = []string{
	"federate", "-/healthy", "-/ready", "api/v1/query", "api/v1/query_range", "api/v1/query_exemplars", "api/v1/format_query", "api/v1/parse_query", "api/v1/labels",
	"api/v1/series", "api/v1/scrape_pools", "api/v1/targets", "api/v1/targets/metadata", "api/v1/targets/relabel_steps", "api/v1/alertmanagers", "api/v1/metadata",
	"api/v1/status/config", "api/v1/status/runtimeinfo", "api/v1/status/buildinfo", "api/v1/status/flags", "api/v1/status/tsdb", "api/v1/status/tsdb/blocks",
	"api/v1/status/walreplay", "api/v1/features", "api/v1/notifications", "api/v1/notifications/live", "api/v1/read", "api/v1/alerts", "api/v1/rules", "api/v1/openapi.yaml",
}

// tenantAlerts are the requests of Alertmanager's API whose answers can be cut to a tenant's.
var tenantAlerts = []string{"/alertmanager/api/v2/alerts", "/alertmanager/api/v2/alerts/groups"}

// admit asks who it is, and goes on if he may.
func (s *Server) admit(c *gin.Context) {
	method, url := c.Request.Method, c.Request.URL.Path
	if !s.deps.Access.On() || open(url) {
		c.Next()
		s.record(c)
		return
	}
	need := needOf(method, c.FullPath(), url)
	r, refused := s.deps.Access.Admit(c.Request, door, need)
	if refused != nil {
		s.refuse(c, refused)
		return
	}
	c.Request = r
	if slices.Contains(tenantAlerts, url) && !access.From(r.Context()).Identity.May(access.Read, access.AllTenants) {
		onlyTenant(r, access.From(r.Context()).Tenant)
	}
	c.Next()
	s.record(c)
}

// onlyTenant cuts a question to the embedded Alertmanager to one tenant's alerts: what is asked for must match this too.
func onlyTenant(r *http.Request, tenant string) {
	if tenant == telemetry.DefaultTenant {
		tenant = "" // its alerts have no such label
	}
	q := r.URL.Query()
	q.Add("filter", notify.TenantLabel+`="`+tenant+`"`) // names of tenants have no quotes
	u := *r.URL
	u.RawQuery = q.Encode()
	r.URL = &u
}

// refuse answers who is not let in, in the terms of what was asked. A person who has not logged in is led to where he can.
func (s *Server) refuse(c *gin.Context, no *access.Refusal) {
	url := c.Request.URL.Path
	if no.Status == http.StatusUnauthorized && isPage(c.Request) && strings.Contains(c.GetHeader("Accept"), "text/html") {
		c.Redirect(http.StatusSeeOther, login.PageFor(c.Request))
		c.Abort()
		return
	}
	no.Challenge(c.Writer.Header())
	switch {
	case strings.HasPrefix(url, "/prometheus/"):
		c.AbortWithStatusJSON(no.Status, gin.H{"status": "error", "errorType": no.Code(), "error": no.Message})
	case strings.HasPrefix(url, "/alertmanager/"):
		c.AbortWithStatusJSON(no.Status, gin.H{"code": no.Status, "message": no.Message})
	default:
		fail(c, no.Status, ErrorDetail{Code: no.Code(), Message: no.Message})
	}
}

// record writes into the audit log what changes something, or takes much away.
func (s *Server) record(c *gin.Context) {
	method, route, url := c.Request.Method, c.FullPath(), c.Request.URL.Path
	looks := method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
	takes := slices.Contains([]string{"/api/v1/export", "/api/v1/admin/catalog", "/debug/pprof/*any"}, route)
	asks := route == "/api/v1/rules/backtest" || strings.HasPrefix(url, "/prometheus/")
	if s.deps.Access == nil || open(url) || looks && !takes || asks {
		return
	}
	e := access.Event{
		Who: who(c).String(), Address: s.deps.Access.Address(c.Request), What: method + " " + url, Where: door, Tenant: c.GetHeader(telemetry.TenantHeader),
		Query: c.Query("query"), Status: c.Writer.Status(), Allowed: c.Writer.Status() < http.StatusBadRequest,
	}
	s.deps.Access.Record(e)
}

// who is the request's identity; nil: nobody was asked.
func who(c *gin.Context) *access.Identity {
	if a := access.From(c.Request.Context()); a != nil {
		return a.Identity
	}
	return nil
}

func (s *Server) whoami(c *gin.Context) {
	if err := checkParams(c); err != nil {
		s.failed(c, err)
		return
	}
	name, err := tenant(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	out := Whoami{Asked: s.deps.Access.On(), Tenant: name, Grants: []access.Grant{}, Open: []string{}}
	if s.deps.Open != nil {
		out.Open = append(out.Open, s.deps.Open()...)
	}
	if id := who(c); id != nil {
		out.Name, out.Kind, out.Grants = id.Name, id.Kind, append(out.Grants, id.Grants...)
		out.Tenant = ""
		if one := id.Tenants(""); len(one) == 1 && one[0] != access.AllTenants {
			out.Tenant = one[0]
		} else if id.May(access.Read, telemetry.DefaultTenant) {
			out.Tenant = telemetry.DefaultTenant
		}
	}
	c.JSON(http.StatusOK, out)
}
