package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// ruleRoutes are the requests that Deps.Rules answers. Those of Prometheus' API come before Deps.Prometheus, whose lists of rules are empty.
func (s *Server) ruleRoutes() {
	if s.deps.Rules == nil {
		s.deps.Rules = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusNotFound)
			_, _ = w.Write([]byte(`{"error":{"code":"not_found","message":"no rules are evaluated here"}}`)) // the client has gone: nobody is left to tell
		})
	}
	rules := func(c *gin.Context) {
		c.Status(http.StatusOK)
		s.deps.Rules.ServeHTTP(c.Writer, c.Request)
	}
	s.router.GET("/prometheus/api/v1/rules", rules)
	s.router.GET("/prometheus/api/v1/alerts", rules)
	v1 := s.router.Group("/api/v1/rules", noStore)
	v1.GET("", func(c *gin.Context) {
		if err := checkParams(c); err != nil {
			s.failed(c, err)
			return
		}
		rules(c)
	})
	v1.POST("/backtest", deliberate, func(c *gin.Context) {
		if !c.IsAborted() {
			rules(c)
		}
	})
}
