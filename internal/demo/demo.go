// Package demo is a shop made to be watched: thirteen small services in one process that talk HTTP and gRPC to each other over loopback, a queue and
// a database among them, users who browse, search and buy, and faults that come and go.
//
// Nothing about its telemetry is made up. Spans, metrics and log records come from the stock OpenTelemetry SDK around calls that happen; a connection
// pool is slow because its connections are taken, a heap grows because memory is held, a parent span is missing because a hop did not report it. Each
// service has a resource and providers of its own, as if it were a process on a host of its own. docs/demo.md says what each fault shows.
package demo

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"time"
)

// Options say what the shop does and where its telemetry goes.
type Options struct {
	OTLP   string        // host:port of an OTLP receiver, gRPC
	TLS    *tls.Config   // nil: without TLS
	Token  string        // shown to the receiver; empty: none
	Faults []string      // always on; empty: every fault in turn; "none": no fault
	Rate   float64       // page views per second, on average
	Seed   uint64        // of the users, their choices and all chances
	Turn   time.Duration // how long a fault is on when they take turns
	Pause  time.Duration // of good health before each turn
	Out    io.Writer     // words for people: what is up, which fault came and went
}

// DefaultOptions are for watching: a fault a minute, and little load.
func DefaultOptions() Options {
	return Options{OTLP: "127.0.0.1:4317", Rate: 8, Seed: 1, Turn: time.Minute, Pause: 20 * time.Second, Out: io.Discard}
}

// NoFaults as the only name in Options.Faults leaves the shop healthy.
const NoFaults = "none"

// Validate returns all problems.
func (o Options) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(o.OTLP); err != nil {
		errs = append(errs, fmt.Errorf("otlp %q: want host:port", o.OTLP))
	}
	if !(o.Rate > 0 && o.Rate <= rateMax) {
		errs = append(errs, fmt.Errorf("rate %g: want page views per second, above 0 and at most %d", o.Rate, rateMax))
	}
	if o.Turn <= 0 || o.Pause < 0 {
		errs = append(errs, fmt.Errorf("turn %v, pause %v: want a turn above 0 and no negative pause", o.Turn, o.Pause))
	}
	for _, name := range o.Faults {
		if _, ok := faultByName(name); !ok && !(name == NoFaults && len(o.Faults) == 1) {
			errs = append(errs, fmt.Errorf("fault %q: want %s, or %s alone", name, strings.Join(FaultNames(), ", "), NoFaults))
		}
	}
	return errors.Join(errs...)
}

// Run opens the shop and keeps it open until ctx ends; then requests in flight are finished and everything recorded is sent. A receiver that is away is
// mentioned and waited for.
func Run(ctx context.Context, o Options) error {
	if err := o.Validate(); err != nil {
		return err
	}
	s, err := openShop(ctx, o)
	if err != nil {
		return err
	}
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	return s.run(ctx)
}
