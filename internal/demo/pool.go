package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
)

// pool is a service's few connections to the database. Waiting for one is part of the caller's span, as it is with every driver.
type pool struct {
	s     *service
	conn  *grpc.ClientConn
	slots chan struct{}

	duration, wait metric.Float64Histogram
	waiting        metric.Int64UpDownCounter
	used           metric.Int64UpDownCounter
}

type queryRequest struct {
	Text string
	Args []string
}

type queryResult struct {
	Rows     []json.RawMessage
	Affected int
}

var errPoolTimeout = errors.New("no free connection")

func (s *service) newPool() (*pool, error) {
	// The driver speaks for itself: its spans say SELECT, not that gRPC carries it.
	conn, err := grpc.NewClient(s.shop.addresses["postgres"], grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.ForceCodec(jsonCodec{})))
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, conn.Close)
	p := &pool{s: s, conn: conn, slots: make(chan struct{}, poolConnections)}
	var errs [4]error
	p.duration, errs[0] = s.meter.Float64Histogram("db.client.operation.duration", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(.001, .005, .01, .05, .1, .5, 1, 5, 10))
	p.wait, errs[1] = s.meter.Float64Histogram("db.client.connection.wait_time", metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(.001, .005, .01, .05, .1, .5, 1, 5, 10))
	p.waiting, errs[2] = s.meter.Int64UpDownCounter("db.client.connection.pending_requests", metric.WithUnit("{request}"))
	p.used, errs[3] = s.meter.Int64UpDownCounter("db.client.connection.count", metric.WithUnit("{connection}"))
	return p, errors.Join(errs[:]...)
}

// session is a connection taken from the pool.
type session struct{ pool *pool }

// take waits for a connection.
func (p *pool) take(ctx context.Context) (*session, error) {
	name := metric.WithAttributes(semconv.DBClientConnectionPoolName(p.s.name))
	begin := time.Now()
	select {
	case p.slots <- struct{}{}:
	default:
		p.waiting.Add(ctx, 1, name)
		defer p.waiting.Add(ctx, -1, name)
		limit := time.NewTimer(poolWaitMax)
		defer limit.Stop()
		select {
		case p.slots <- struct{}{}:
		case <-limit.C:
			p.s.log.ErrorContext(ctx, fmt.Sprintf("connection pool exhausted: gave up after %v, %d of %d connections in use", poolWaitMax, len(p.slots), cap(p.slots)))
			return nil, fmt.Errorf("connection pool of %s: %w after %v", p.s.name, errPoolTimeout, poolWaitMax)
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	waited := time.Since(begin)
	p.wait.Record(ctx, waited.Seconds(), name)
	p.used.Add(ctx, 1, name, metric.WithAttributes(semconv.DBClientConnectionStateUsed))
	if waited > 50*time.Millisecond {
		trace.SpanFromContext(ctx).AddEvent("connection acquired", trace.WithAttributes(attribute.Float64("db.client.connection.wait_ms", float64(waited.Microseconds())/1000)))
		p.s.log.WarnContext(ctx, fmt.Sprintf("waited %d ms for a database connection (%d/%d in use)", waited.Milliseconds(), len(p.slots), cap(p.slots)))
	}
	return &session{p}, nil
}

func (c *session) release(ctx context.Context) {
	c.pool.used.Add(context.WithoutCancel(ctx), -1, metric.WithAttributes(semconv.DBClientConnectionPoolName(c.pool.s.name), semconv.DBClientConnectionStateUsed))
	<-c.pool.slots
}

// exec runs a statement on the connection.
func (c *session) exec(ctx context.Context, st *statement, args ...string) (queryResult, error) {
	var res queryResult
	begin := time.Now()
	// The trace goes along, as drivers pass it in a comment of the statement.
	md := metadata.MD{}
	propagator.Inject(ctx, metadataCarrier{md})
	err := c.pool.conn.Invoke(metadata.NewOutgoingContext(ctx, md), "/db.Postgres/Query", queryRequest{st.text, args}, &res)
	c.pool.duration.Record(ctx, time.Since(begin).Seconds(), metric.WithAttributes(semconv.DBSystemNamePostgreSQL, semconv.DBOperationName(st.operation), semconv.DBCollectionName(st.table)))
	if err != nil {
		return res, errors.New(wordsOf(err))
	}
	return res, nil
}

// query takes a connection for one statement.
func (p *pool) query(ctx context.Context, st *statement, args ...string) (queryResult, error) {
	ctx, span := p.start(ctx, st, args)
	defer span.End()
	c, err := p.take(ctx)
	if err != nil {
		return queryResult{}, failed(span, err)
	}
	defer c.release(ctx)
	res, err := c.exec(ctx, st, args...)
	if err != nil {
		span.SetStatus(codes.Error, err.Error())
		return res, err
	}
	span.SetAttributes(attribute.Int("db.response.returned_rows", len(res.Rows)))
	return res, nil
}

// start begins the driver's span.
func (p *pool) start(ctx context.Context, st *statement, args []string) (context.Context, trace.Span) {
	ctx, span := p.s.tracer.Start(ctx, st.name(), trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
		semconv.DBSystemNamePostgreSQL, semconv.DBNamespace("shop"), semconv.DBOperationName(st.operation), semconv.DBCollectionName(st.table),
		semconv.DBQueryText(st.text), semconv.ServerAddress("postgres.shop.svc"), semconv.ServerPort(5432)))
	for i, a := range args {
		span.SetAttributes(attribute.String(fmt.Sprintf("db.query.parameter.%d", i+1), a))
	}
	return ctx, span
}

// transaction runs statements on one connection, which nobody else has meanwhile.
func (p *pool) transaction(ctx context.Context, f func(exec func(*statement, ...string) error) error) error {
	ctx, span := p.s.tracer.Start(ctx, "transaction")
	defer span.End()
	c, err := p.take(ctx)
	if err != nil {
		return failed(span, err)
	}
	defer c.release(ctx)
	err = f(func(st *statement, args ...string) error {
		ctx, span := p.start(ctx, st, args)
		defer span.End()
		res, err := c.exec(ctx, st, args...)
		if err != nil {
			span.SetStatus(codes.Error, err.Error())
			return err
		}
		span.SetAttributes(attribute.Int("db.response.affected_rows", res.Affected))
		return nil
	})
	if err != nil {
		span.SetStatus(codes.Error, "rolled back: "+err.Error())
		p.s.log.WarnContext(ctx, "ROLLBACK: "+err.Error())
	}
	return err
}

// failed marks the span in which an error began.
func failed(span trace.Span, err error) error {
	span.RecordError(err, trace.WithStackTrace(true))
	span.SetStatus(codes.Error, err.Error())
	return err
}

// decodeRows reads the rows of a result.
func decodeRows[T any](res queryResult) ([]T, error) {
	rows := make([]T, len(res.Rows))
	for i, r := range res.Rows {
		if err := json.Unmarshal(r, &rows[i]); err != nil {
			return nil, fmt.Errorf("row %d: %w", i, err)
		}
	}
	return rows, nil
}

type metadataCarrier struct{ md metadata.MD }

var _ propagation.TextMapCarrier = metadataCarrier{}

func (c metadataCarrier) Get(key string) string {
	if v := c.md.Get(key); len(v) > 0 {
		return v[0]
	}
	return ""
}
func (c metadataCarrier) Set(key, value string) { c.md.Set(key, value) }
func (c metadataCarrier) Keys() []string {
	var keys []string
	for k := range c.md {
		keys = append(keys, k)
	}
	return keys
}
