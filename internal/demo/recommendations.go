package demo

import (
	"context"
	"fmt"
	"net/http"

	"golang.org/x/sync/errgroup"
)

type (
	relatedRequest struct{ Product string }
	relatedResult  struct{ Products []product }
)

// recommendations asks the catalog for each product that it recommends: the fan-out that every shop has somewhere.
type recommendations struct {
	*service
	pool *pool
}

func newRecommendations(s *service) error {
	c := &recommendations{service: s}
	var err error
	c.pool, err = s.newPool()
	s.serveGRPC("shop.Recommendations", nil, method("Related", c.related))
	return err
}

func (c *recommendations) related(ctx context.Context, req relatedRequest) (relatedResult, error) {
	rows, err := c.pool.query(ctx, selectRelated, req.Product)
	if err != nil {
		return relatedResult{}, err
	}
	ids, err := decodeRows[string](rows)
	if err != nil {
		return relatedResult{}, err
	}
	res := relatedResult{make([]product, len(ids))}
	all, ctx := errgroup.WithContext(ctx)
	for i, id := range ids {
		all.Go(func() error { return c.ask(ctx, http.MethodGet, "catalog", "/products/"+id, nil, &res.Products[i]) })
	}
	if err := all.Wait(); err != nil {
		return relatedResult{}, err
	}
	c.log.DebugContext(ctx, fmt.Sprintf("model v%d: recommending %v for %s", 17, ids, req.Product))
	return res, nil
}
