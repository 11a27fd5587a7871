package api

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// alertmanagerRoutes are those of Deps.Alertmanager: Alertmanager's own.
func (s *Server) alertmanagerRoutes() {
	handle := func(c *gin.Context) {
		if s.deps.Alertmanager == nil {
			fail(c, http.StatusNotFound, ErrorDetail{Code: "not_found", Message: "there is no embedded Alertmanager: alerts go to others (alertmanager.urls)"})
			return
		}
		c.Status(http.StatusOK)
		s.deps.Alertmanager.ServeHTTP(c.Writer, c.Request)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete} {
		s.router.Handle(method, "/alertmanager/*path", handle)
	}
}
