package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
)

type shippingQuote struct {
	Carrier string `json:"carrier"`
	Cents   int    `json:"cents"`
}

// shipping quotes prices, and packs the orders it finds in the queue, some at a time: a batch is a trace of its own, linked to those that ordered.
type shipping struct {
	*service
	broker *grpc.ClientConn
}

func newShipping(s *service) error {
	c := &shipping{service: s}
	var err error
	c.broker, err = s.dial("broker", quietPull)
	s.serveHTTP()
	s.handle("GET /quote", c.quote)
	s.background(func(ctx context.Context) { c.consume(ctx, c.broker, "orders", 8, 2*time.Second, c.pack) })
	return err
}

func (c *shipping) quote(ctx context.Context, r *http.Request) (any, error) {
	if c.shop.faults.is(retryStorm) && c.dice.chance(0.8) {
		err := errors.New("over capacity: 1 of 1 quote workers busy, 16 waiting")
		trace.SpanFromContext(ctx).RecordError(err)
		return nil, refuse(http.StatusServiceUnavailable, "%v", err)
	}
	carrier := pick(c.dice, []string{"dhl", "postnord", "bike-courier"})
	ctx, span := c.tracer.Start(ctx, "price parcel", trace.WithAttributes(attribute.String("shipping.carrier", carrier)))
	defer span.End()
	q := shippingQuote{Carrier: carrier, Cents: 390 + 10*c.dice.below(80)}
	if err := nap(ctx, c.dice.about(8*time.Millisecond)); err != nil {
		return nil, err
	}
	c.log.DebugContext(ctx, fmt.Sprintf(`{"event":"quoted","city":%q,"carrier":%q,"cents":%d}`, r.FormValue("city"), q.Carrier, q.Cents))
	return q, nil
}

func (c *shipping) pack(ctx context.Context, batch []message) {
	var links []trace.Link
	for _, m := range batch {
		links = append(links, trace.Link{SpanContext: trace.SpanContextFromContext(m.producer(ctx)), Attributes: []attribute.KeyValue{attribute.String("messaging.kafka.message.key", m.Key)}})
	}
	ctx, span := c.tracer.Start(ctx, "process orders", trace.WithNewRoot(), trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(links...), consumerAttributes("orders", c.name, len(batch)))
	defer span.End()
	for _, m := range batch {
		var o order
		if err := json.Unmarshal([]byte(m.Body), &o); err != nil {
			c.log.ErrorContext(ctx, fmt.Sprintf("poison message at offset %d: %v", m.Offset, err))
			continue
		}
		ctx, label := c.tracer.Start(ctx, "print label", trace.WithAttributes(attribute.String("shop.order.id", o.ID)))
		if nap(ctx, c.dice.about(15*time.Millisecond)) == nil {
			c.log.InfoContext(ctx, fmt.Sprintf("label printed: order=%s city=%s tracking=JD%010d queued_ms=%d", o.ID, o.City, c.dice.below(1<<31), time.Since(m.Sent).Milliseconds()))
		}
		label.End()
	}
}
