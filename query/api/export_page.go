package api

import (
	"context"
	"time"

	"clew/query/engine"
)

// nextPage asks for a page until it is whole, for as long as a shard may take to find another owner: what has been sent so far need not be sent again for that.
func (s *Server) nextPage(ctx context.Context, ask engine.Search) (*engine.Found, error) {
	for began := time.Now(); ; {
		found, err := s.deps.Engine.Search(ctx, ask)
		if err != nil || len(found.Stats.Partial) == 0 || time.Since(began) > exportPatience {
			return found, err
		}
		select {
		case <-time.After(exportAskAgain):
		case <-ctx.Done():
			return found, ctx.Err()
		}
	}
}
