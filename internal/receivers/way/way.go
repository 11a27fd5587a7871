// Package way is what the ways in over HTTP have in common, whatever they speak: a body that is bounded before it is taken, a tenant, an answer
// that follows what became of the records, and counts by protocol and reason.
//
// A protocol's package turns a body into pdata and an outcome into its own kind of answer; between them, here, is what none may get wrong:
//
//	Gate.Read ── protocol decodes ── Exchange.Consume ── protocol answers
//
// Nothing is answered early: Consume returns when the pipeline has, which at a collector means that every record is durable.
package way

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/golang/snappy"
	"go.opentelemetry.io/collector/client"

	"clew/internal/telemetry"
)

// Memory bounds the bytes of all requests in flight.
type Memory interface {
	// Ticket is one request's part. It is released once.
	Ticket() Ticket
}

// Ticket is asked before memory is taken.
type Ticket interface {
	// Need makes the ticket good for n bytes in all, or says why not.
	Need(n int64) error
	Release()
}

// Deps are what the ways in of a process share.
type Deps struct {
	Metrics *Metrics
	Memory  Memory
	// BodyBytesMax bounds a body, compressed and decompressed; RecordBytesMax one record, as its protocol writes it.
	BodyBytesMax   int64
	RecordBytesMax int
	// Charge, if not nil, takes the bytes of a request from its tenant's rate, or refuses. rejected tells, after the pipeline has returned, what
	// was taken out on the way, by reason.
	Charge func(ctx context.Context, bytes int) (_ context.Context, rejected func() map[string]int, _ error)
}

// Gate is where one protocol's requests come in. It is safe for concurrent use.
type Gate struct {
	Protocol string // a short fixed word, as counters use it
	Deps
}

// Exchange is one request whose body has been read. Close it.
type Exchange struct {
	Body []byte

	gate     *Gate
	ctx      context.Context
	ticket   Ticket
	taken    int64 // by Take
	asked    int64
	received func() map[string]int // nil: nobody counts
	rejected map[string]int
}

// Close gives the request's memory back.
func (x *Exchange) Close() { x.ticket.Release() }

// Read reads a request's body. The error is an *Error.
func (g *Gate) Read(req *http.Request) (*Exchange, error) {
	ctx, err := WithTenant(req.Context(), req.Header.Values(telemetry.TenantHeader))
	if err != nil {
		return nil, &Error{Status: http.StatusBadRequest, Reason: "tenant", Err: err}
	}
	x := &Exchange{gate: g, ctx: ctx, ticket: g.Memory.Ticket()}
	if x.Body, err = readBody(req, g.BodyBytesMax, x.ticket); err != nil {
		x.Close()
		return nil, err
	}
	return x, nil
}

// Tenant is whose request it is.
func (x *Exchange) Tenant() string {
	if values := client.FromContext(x.ctx).Metadata.Get(telemetry.TenantHeader); len(values) > 0 {
		return values[0]
	}
	return telemetry.DefaultTenant
}

// Unsnappy decompresses a body in snappy's block format, which says how long it will be.
func (x *Exchange) Unsnappy() error {
	length, err := snappy.DecodedLen(x.Body)
	if err != nil {
		return Malformed("decompress snappy: %w", err)
	}
	if int64(length) > x.gate.BodyBytesMax {
		return tooLarge(x.gate.BodyBytesMax)
	}
	if err := x.Need(int64(len(x.Body)) + int64(length)); err != nil {
		return err
	}
	plain, err := snappy.Decode(make([]byte, length), x.Body)
	if err != nil {
		return Malformed("decompress snappy: %w", err)
	}
	x.Body = plain
	return nil
}

// Need asks for n bytes of memory in all.
func (x *Exchange) Need(n int64) error {
	if err := x.ticket.Need(n); err != nil {
		return Of(err)
	}
	return nil
}

// Take accounts for n more bytes than the body and its decompressed form take, as a decoder goes on. It asks for them in steps.
func (x *Exchange) Take(n int64) error {
	const step = 1 << 20
	x.taken += n
	need := 2*int64(len(x.Body)) + x.taken
	if need <= x.asked {
		return nil
	}
	x.asked = need + step
	return x.Need(x.asked)
}

// Charge takes the decompressed body's bytes from the tenant's rate.
func (x *Exchange) Charge() error {
	if x.gate.Charge == nil {
		return nil
	}
	ctx, rejected, err := x.gate.Charge(x.ctx, len(x.Body))
	if err != nil {
		return Of(err)
	}
	x.ctx, x.received = ctx, rejected
	return nil
}

// Reject counts records that are not passed on, while the others of the request are.
func (x *Exchange) Reject(reason string, n int) {
	if x.rejected == nil {
		x.rejected = map[string]int{}
	}
	x.rejected[reason] += n
}

// Drop counts what is left out without the sender being told: it has made no mistake, and nothing that it could do.
func (x *Exchange) Drop(reason string, n int) { x.gate.Metrics.Rejected(x.gate.Protocol, reason, n) }

// Consume hands n records to the pipeline, unless there are none, and returns when they are durable. The error is an *Error.
func (x *Exchange) Consume(n int, consume func(context.Context) error) error {
	if n == 0 {
		return nil
	}
	if err := consume(x.ctx); err != nil {
		e := Of(err)
		x.gate.Metrics.refused.WithLabelValues(x.gate.Protocol, e.Reason).Add(float64(n))
		return e
	}
	if x.received != nil {
		for reason, taken := range x.received() {
			x.Reject(reason, taken)
			n -= taken
		}
	}
	x.gate.Metrics.accepted.WithLabelValues(x.gate.Protocol).Add(float64(n))
	return nil
}

// Rejected says how many records were rejected, and why in words: "2 malformed_labels, 1 record_too_large".
func (x *Exchange) Rejected() (n int, why string) {
	var parts []string
	for _, reason := range slices.Sorted(maps.Keys(x.rejected)) {
		n += x.rejected[reason]
		parts = append(parts, fmt.Sprintf("%d %s", x.rejected[reason], reason))
	}
	return n, strings.Join(parts, ", ")
}

// Done counts a request that was answered with success, in whole or in part.
func (x *Exchange) Done() {
	result := "ok"
	if len(x.rejected) > 0 {
		result = "partial"
	}
	for reason, n := range x.rejected {
		x.gate.Metrics.rejected.WithLabelValues(x.gate.Protocol, reason).Add(float64(n))
	}
	x.gate.Metrics.requests.WithLabelValues(x.gate.Protocol, result).Inc()
}

// Refused counts a request that was refused, and gives the refusal with Retry-After set on w where trying again makes sense.
func (g *Gate) Refused(w http.ResponseWriter, err error) *Error {
	e := Of(err)
	g.Metrics.requests.WithLabelValues(g.Protocol, e.Reason).Inc()
	e.setRetryAfter(w.Header())
	return e
}

// Guard turns a panic of the protocol's decoder into a refusal: nothing from outside may end the process.
func Guard(err *error) {
	if p := recover(); p != nil {
		*err = Malformed("decoder: %v", p)
	}
}

// readBody reads a body of at most bytesMax bytes. It asks t for memory before it takes it.
func readBody(req *http.Request, bytesMax int64, t Ticket) ([]byte, error) {
	if req.ContentLength > bytesMax {
		return nil, tooLarge(bytesMax)
	}
	size := int64(readChunk)
	if req.ContentLength >= 0 {
		size = req.ContentLength + 1 // so that the end is seen without growing
	}
	var buf []byte
	for {
		if len(buf) == cap(buf) {
			bigger := max(size, 2*int64(cap(buf)))
			if err := t.Need(int64(cap(buf)) + bigger); err != nil {
				return nil, Of(err)
			}
			buf = append(make([]byte, 0, bigger), buf...)
		}
		n, err := req.Body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if int64(len(buf)) > bytesMax {
			return nil, tooLarge(bytesMax)
		}
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			if limit, ok := errors.AsType[*http.MaxBytesError](err); ok {
				return nil, tooLarge(limit.Limit)
			}
			return nil, &Error{Status: http.StatusBadRequest, Reason: "body", Err: fmt.Errorf("read body: %w", err)}
		}
	}
}

// WithTenant puts the request's tenant where the exporter looks for it: the client's metadata, as every receiver of the
// Collector does with include_metadata. values are those of the tenant's header.
func WithTenant(ctx context.Context, values []string) (context.Context, error) {
	if len(values) == 0 {
		return ctx, nil
	}
	if len(values) > 1 {
		return ctx, fmt.Errorf("header %s: want one value, have %d: %.100q", telemetry.TenantHeader, len(values), values)
	}
	if err := telemetry.CheckTenant(values[0]); err != nil {
		return ctx, fmt.Errorf("header %s: %w", telemetry.TenantHeader, err)
	}
	info := client.FromContext(ctx)
	if slices.Equal(info.Metadata.Get(telemetry.TenantHeader), values) {
		return ctx, nil
	}
	metadata := map[string][]string{telemetry.TenantHeader: values}
	for key := range info.Metadata.Keys() {
		metadata[key] = info.Metadata.Get(key)
	}
	info.Metadata = client.NewMetadata(metadata)
	return client.NewContext(ctx, info), nil
}
