package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// catalog reads products, most of them from its cache.
type catalog struct {
	*service
	pool    *pool
	lookups metric.Int64Counter

	mu    sync.Mutex
	cache map[string]cached
}

type cached struct {
	product product
	until   time.Time
}

func newCatalog(s *service) error {
	c := &catalog{service: s, cache: map[string]cached{}}
	var errs [2]error
	c.pool, errs[0] = s.newPool()
	c.lookups, errs[1] = s.meter.Int64Counter("cache.lookups", metric.WithUnit("{lookup}"))
	s.serveHTTP()
	s.handle("GET /products", c.list)
	s.handle("GET /products/{id}", c.get)
	s.handle("GET /export", c.export)
	return errors.Join(errs[:]...)
}

func (c *catalog) list(ctx context.Context, r *http.Request) (any, error) {
	res, err := c.pool.query(ctx, selectCategory, r.FormValue("category"))
	if err != nil {
		return nil, err
	}
	return decodeRows[product](res)
}

func (c *catalog) get(ctx context.Context, r *http.Request) (any, error) {
	id := r.PathValue("id")
	if p, ok := c.fromCache(id); ok {
		c.lookups.Add(ctx, 1, metric.WithAttributes(attribute.Bool("hit", true)))
		return p, nil
	}
	c.lookups.Add(ctx, 1, metric.WithAttributes(attribute.Bool("hit", false)))
	c.log.Log(ctx, levelTrace, "cache miss key=product:"+id)
	res, err := c.pool.query(ctx, selectProduct, id)
	if err != nil {
		return nil, fmt.Errorf("product %s: %w", id, err)
	}
	rows, err := decodeRows[product](res)
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, refuse(http.StatusNotFound, "no product %s", id)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.cache) >= cacheEntries {
		clear(c.cache)
		c.log.InfoContext(ctx, fmt.Sprintf("cache full at %d entries, cleared", cacheEntries))
	}
	c.cache[id] = cached{rows[0], time.Now().Add(4 * time.Second)}
	return rows[0], nil
}

func (c *catalog) fromCache(id string) (product, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.cache[id]
	return e.product, ok && time.Now().Before(e.until)
}

// export is asked for by machines, and expensive.
func (c *catalog) export(ctx context.Context, _ *http.Request) (any, error) {
	res, err := c.pool.query(ctx, exportProducts)
	if err != nil {
		return nil, err
	}
	c.log.InfoContext(ctx, fmt.Sprintf("exported %d products", len(res.Rows)))
	return decodeRows[product](res)
}
