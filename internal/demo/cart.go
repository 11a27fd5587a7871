package demo

import (
	"context"
	"errors"
	"fmt"

	"go.opentelemetry.io/otel/metric"
)

type (
	cartRequest struct{ Session, Product string }
	cart        struct{ Items []cartItem }
)

// carts keep what a session means to buy.
type carts struct {
	*service
	pool  *pool
	added metric.Int64Counter
}

func newCart(s *service) error {
	c := &carts{service: s}
	var errs [2]error
	c.pool, errs[0] = s.newPool()
	c.added, errs[1] = s.meter.Int64Counter("shop.cart.items_added", metric.WithUnit("{item}"))
	s.serveGRPC("shop.Cart", nil, method("Get", c.get), method("Add", c.add), method("Clear", c.clear))
	return errors.Join(errs[:]...)
}

func (c *carts) get(ctx context.Context, req cartRequest) (cart, error) {
	rows, err := c.pool.query(ctx, selectCart, req.Session)
	if err != nil {
		return cart{}, err
	}
	items, err := decodeRows[cartItem](rows)
	return cart{items}, err
}

func (c *carts) add(ctx context.Context, req cartRequest) (cart, error) {
	if _, err := c.pool.query(ctx, insertCartItem, req.Session, req.Product); err != nil {
		return cart{}, err
	}
	c.added.Add(ctx, 1)
	c.log.InfoContext(ctx, fmt.Sprintf("session %s put %s into the cart", req.Session, req.Product))
	return c.get(ctx, req)
}

func (c *carts) clear(ctx context.Context, req cartRequest) (cart, error) {
	_, err := c.pool.query(ctx, deleteCart, req.Session)
	return cart{}, err
}
