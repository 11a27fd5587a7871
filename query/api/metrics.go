package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// metricsParams are the requests that Deps.Metrics answers, and their parameters.
var metricsParams = map[string][]string{
	"names":       {"match", "limit", "start", "end"},
	"labels":      {"label", "match", "limit", "start", "end"},
	"series":      {"match", "limit", "start", "end"},
	"query_range": {"query", "step", "limit", "start", "end"},
}

// metrics passes a request on once its parameters are known ones.
func (s *Server) metrics(params []string) gin.HandlerFunc {
	return func(c *gin.Context) {
		if err := checkParams(c, params...); err != nil {
			s.failed(c, err)
			return
		}
		if s.deps.Metrics == nil {
			fail(c, http.StatusNotFound, ErrorDetail{Code: "not_found", Message: "metrics are not served here"})
			return
		}
		s.deps.Metrics.ServeHTTP(c.Writer, c.Request)
	}
}
