package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// order is what a user wants, and what has become of it.
type order struct {
	ID       string `json:"id"`
	Session  string `json:"session"`
	Customer string `json:"customer"`
	Tenant   string `json:"tenant"`
	City     string `json:"city"`
	Card     string `json:"card"` // last four digits
	Total    int    `json:"total_cents"`
	Tracking string `json:"tracking,omitempty"`
}

// checkout makes an order of a cart; nearly all other services have a part in it.
type checkout struct {
	*service
	pool                    *pool
	carts, payments, broker *grpc.ClientConn
	placed                  metric.Int64Counter
	value                   metric.Float64Histogram
}

func newCheckout(s *service) error {
	c := &checkout{service: s}
	var errs [6]error
	c.pool, errs[0] = s.newPool()
	c.carts, errs[1] = s.dial("cart", nil)
	c.payments, errs[2] = s.dial("payment", nil)
	c.broker, errs[3] = s.dial("broker", nil)
	c.placed, errs[4] = s.meter.Int64Counter("shop.orders", metric.WithUnit("{order}"), metric.WithDescription("Orders by what became of them."))
	c.value, errs[5] = s.meter.Float64Histogram("shop.order.value", metric.WithUnit("EUR"), metric.WithExplicitBucketBoundaries(5, 10, 20, 50, 100, 200, 500))
	s.serveHTTP()
	s.handle("POST /orders", c.place)
	return errors.Join(errs[:]...)
}

func (c *checkout) place(ctx context.Context, r *http.Request) (any, error) {
	var o order
	if err := json.NewDecoder(r.Body).Decode(&o); err != nil {
		return nil, refuse(http.StatusBadRequest, "order: %v", err)
	}
	trace.SpanFromContext(ctx).SetAttributes(attribute.String("shop.order.id", o.ID))
	outcome := "placed"
	err := c.fill(ctx, &o)
	if err != nil {
		outcome = "failed"
		c.log.ErrorContext(ctx, fmt.Sprintf("order %s failed: %s", o.ID, wordsOf(err)), "order_id", o.ID, "tenant", o.Tenant, "total_cents", o.Total)
	} else {
		c.value.Record(ctx, float64(o.Total)/100)
		c.log.InfoContext(ctx, fmt.Sprintf("order %s placed: %d.%02d EUR to %s", o.ID, o.Total/100, o.Total%100, o.City), "order_id", o.ID, "tenant", o.Tenant)
	}
	c.placed.Add(ctx, 1, metric.WithAttributes(attribute.String("outcome", outcome), attribute.String("tenant.id", o.Tenant)))
	return o, err
}

func (c *checkout) fill(ctx context.Context, o *order) error {
	items, err := call[cart](ctx, c.carts, "/shop.Cart/Get", cartRequest{Session: o.Session})
	if err != nil {
		return fmt.Errorf("cart: %w", err)
	}
	if len(items.Items) == 0 {
		return refuse(http.StatusConflict, "the cart of %s is empty", o.Session)
	}
	for _, i := range items.Items {
		var p product
		if err := c.ask(ctx, http.MethodGet, "catalog", "/products/"+i.Product, nil, &p); err != nil {
			return err
		}
		o.Total += i.Quantity * p.Price
	}
	quote, err := c.quote(ctx, o.City)
	if err != nil {
		return err
	}
	var t taxes
	if err := c.ask(ctx, http.MethodGet, "tax-gateway", fmt.Sprintf("/taxes?net=%d&city=%s", o.Total+quote.Cents, url.QueryEscape(o.City)), nil, &t); err != nil {
		return err
	}
	o.Total += quote.Cents + t.Cents
	paid, err := call[charged](ctx, c.payments, "/shop.Payment/Charge", charge{Order: o.ID, Cents: o.Total, Card: o.Card})
	switch status.Code(err) {
	case grpccodes.OK:
	case grpccodes.FailedPrecondition:
		return refuse(http.StatusPaymentRequired, "payment: %s", wordsOf(err))
	default:
		return refuse(http.StatusBadGateway, "payment: %s", wordsOf(err))
	}
	if err := c.store(ctx, o, items.Items); err != nil {
		c.log.ErrorContext(ctx, fmt.Sprintf("order %s is paid (%s) and not stored: refund by hand", o.ID, paid.Authorization), "order_id", o.ID)
		return err
	}
	body, err := json.Marshal(o)
	if err != nil {
		return err
	}
	if err := c.publish(ctx, c.broker, message{Topic: "orders", Key: o.ID, Body: string(body)}); err != nil {
		return err
	}
	if _, err := call[cart](ctx, c.carts, "/shop.Cart/Clear", cartRequest{Session: o.Session}); err != nil {
		c.log.WarnContext(ctx, "cart was not cleared: "+wordsOf(err), "session", o.Session)
	}
	return nil
}

const quoteAttempts = 4

// quote asks shipping for its price, and insists: at once, and without a budget for repeats. The fault retry-storm is what comes of it.
func (c *checkout) quote(ctx context.Context, city string) (shippingQuote, error) {
	var q shippingQuote
	var err error
	for attempt := range quoteAttempts {
		again := ctx
		if attempt > 0 {
			c.log.WarnContext(ctx, fmt.Sprintf("retrying quote for %s (attempt %d of %d): %v", city, attempt+1, quoteAttempts, err))
			again = context.WithValue(ctx, resendKey{}, attempt)
			_ = nap(ctx, c.dice.about(5*time.Millisecond)) // the call looks at ctx
		}
		if err = c.ask(again, http.MethodGet, "shipping", "/quote?city="+url.QueryEscape(city), nil, &q); codeOf(err) != http.StatusServiceUnavailable {
			return q, err
		}
	}
	return q, refuse(http.StatusServiceUnavailable, "no quote after %d attempts: %v", quoteAttempts, err)
}

func (c *checkout) store(ctx context.Context, o *order, items []cartItem) error {
	return c.pool.transaction(ctx, func(exec func(*statement, ...string) error) error {
		if err := exec(insertOrder, o.ID, o.Customer, o.Tenant, strconv.Itoa(o.Total)); err != nil {
			return err
		}
		for _, i := range items {
			if err := exec(updateStock, strconv.Itoa(i.Quantity), i.Product); err != nil {
				return err
			}
		}
		return nil
	})
}
