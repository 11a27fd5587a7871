package demo

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type (
	charge struct {
		Order, Card string
		Cents       int
	}
	charged struct{ Authorization string }
)

// payments charge cards at an acquirer, and write down that they did.
type payments struct {
	*service
	pool *pool
}

// AcquirerError is the acquirer's failure; its name is what exception.type says.
type AcquirerError struct {
	Endpoint, Reason string
}

func (e *AcquirerError) Error() string { return "acquirer " + e.Endpoint + ": " + e.Reason }

var errDeclined = errors.New("card was declined: insufficient funds")

func newPayment(s *service) error {
	c := &payments{service: s}
	var err error
	c.pool, err = s.newPool()
	s.serveGRPC("shop.Payment", nil, method("Charge", c.charge))
	return err
}

func (c *payments) charge(ctx context.Context, req charge) (charged, error) {
	_, check := c.tracer.Start(ctx, "check for fraud", trace.WithAttributes(attribute.Float64("payment.fraud_score", float64(c.dice.below(40))/100)))
	err := nap(ctx, c.dice.about(4*time.Millisecond))
	check.End()
	if err != nil {
		return charged{}, status.FromContextError(err).Err()
	}
	code, err := c.authorize(ctx, req)
	var broken *AcquirerError
	switch {
	case errors.Is(err, errDeclined):
		c.log.WarnContext(ctx, fmt.Sprintf("card ending %s declined for order %s", req.Card, req.Order), "order_id", req.Order)
		return charged{}, status.Error(codes.FailedPrecondition, err.Error())
	case errors.As(err, &broken):
		c.log.ErrorContext(ctx, fmt.Sprintf("charge of order %s failed: %v", req.Order, err), "order_id", req.Order, "amount_cents", req.Cents,
			"exception.type", fmt.Sprintf("%T", broken), "exception.message", err.Error(), "exception.stacktrace", string(debug.Stack()))
		return charged{}, status.Error(codes.Internal, err.Error())
	case err != nil:
		return charged{}, status.FromContextError(err).Err()
	}
	if _, err := c.pool.query(ctx, insertPayment, req.Order, strconv.Itoa(req.Cents), code); err != nil {
		return charged{}, status.Error(codes.Internal, err.Error())
	}
	c.log.InfoContext(ctx, fmt.Sprintf("charged %d cents to card ending %s, authorization %s", req.Cents, req.Card, code), "order_id", req.Order)
	return charged{code}, nil
}

// authorize asks the acquirer, which is outside and has no spans: the client's span is the deepest of the trace.
func (c *payments) authorize(ctx context.Context, req charge) (string, error) {
	endpoint := "acquirer-a.bank.example:443"
	if c.shop.faults.is(payment) {
		endpoint = "acquirer-b.bank.example:443"
	}
	ctx, span := c.tracer.Start(ctx, "authorize card", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		attribute.String("server.address", endpoint), attribute.Int("payment.amount_cents", req.Cents), attribute.String("payment.card.scheme", pick(c.dice, []string{"visa", "mastercard", "amex"}))))
	defer span.End()
	if c.shop.faults.is(payment) && c.dice.chance(0.67) {
		if err := nap(ctx, c.dice.about(12*time.Millisecond)); err != nil {
			return "", err
		}
		return "", failed(span, &AcquirerError{endpoint, "tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time is after 2026-11-20T23:59:59Z"})
	}
	if err := nap(ctx, c.dice.about(45*time.Millisecond)); err != nil {
		return "", err
	}
	if c.dice.chance(0.02) {
		span.AddEvent("declined", trace.WithAttributes(attribute.String("reason", "insufficient_funds")))
		return "", errDeclined
	}
	return fmt.Sprintf("A%06d", c.dice.below(1_000_000)), nil
}
