package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
)

// mailer confirms orders one by one, in the trace of the order: the user has long gone, and the trace goes on.
type mailer struct {
	*service
	broker *grpc.ClientConn
}

func newMailer(s *service) error {
	c := &mailer{service: s}
	var err error
	c.broker, err = s.dial("broker", quietPull)
	s.serveHTTP() // nobody asks it; a port makes it a service like the others
	s.background(func(ctx context.Context) { c.consume(ctx, c.broker, "orders", 1, 0, c.confirm) })
	return err
}

func (c *mailer) confirm(ctx context.Context, batch []message) {
	m := batch[0]
	ctx = m.producer(ctx)
	ctx, span := c.tracer.Start(ctx, "process orders", trace.WithSpanKind(trace.SpanKindConsumer), trace.WithLinks(trace.LinkFromContext(ctx)), consumerAttributes("orders", c.name, 1))
	defer span.End()
	var o order
	if err := json.Unmarshal([]byte(m.Body), &o); err != nil {
		c.log.ErrorContext(ctx, fmt.Sprintf("poison message at offset %d: %v", m.Offset, failed(span, err)))
		return
	}
	_, render := c.tracer.Start(ctx, "render template", trace.WithAttributes(attribute.String("template", "order-confirmation.html")))
	_ = nap(ctx, c.dice.about(3*time.Millisecond)) // the next step looks at ctx
	render.End()
	for attempt := 1; attempt <= 2; attempt++ {
		if c.send(ctx, o, attempt) {
			return
		}
	}
}

// send hands a mail to the server, which sometimes wants to be asked twice.
func (c *mailer) send(ctx context.Context, o order, attempt int) bool {
	ctx, span := c.tracer.Start(ctx, "smtp send", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("server.address", "smtp.shop.example"), attribute.Int("server.port", 25)))
	defer span.End()
	if nap(ctx, c.dice.about(25*time.Millisecond)) != nil {
		return false
	}
	if attempt == 1 && c.dice.chance(0.05) {
		span.SetStatus(codes.Error, "451 4.7.1 greylisted")
		c.log.WarnContext(ctx, fmt.Sprintf("<%s@example.com>: host smtp.shop.example said: 451 4.7.1 Greylisting in action, please come back later; will retry", o.Customer))
		return false
	}
	c.log.InfoContext(ctx, fmt.Sprintf("to=<%s@example.com>, relay=smtp.shop.example:25, delay=%.2f, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as %08X)", o.Customer, c.dice.between(0.02, 0.4), c.dice.below(1<<31)), "order_id", o.ID)
	return true
}
