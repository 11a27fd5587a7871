package demo

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
)

// shop is all services, their addresses, and the switches of the faults.
type shop struct {
	options   Options
	faults    faults
	receiver  *grpc.ClientConn
	addresses map[string]string
	listeners map[string]net.Listener
	services  map[string]*service
	sayMu     sync.Mutex
}

// kinds are the services of the shop. A service knows the addresses of all others when it is made.
var kinds = []struct {
	name string
	make func(*service) error
}{
	{"postgres", newDatabase},
	{"broker", newBroker},
	{"tax", newTax},
	{"tax-gateway", newTaxGateway},
	{"shipping", newShipping},
	{"payment", newPayment},
	{"catalog", newCatalog},
	{"search", newSearch},
	{"recommendations", newRecommendations},
	{"cart", newCart},
	{"checkout", newCheckout},
	{"mailer", newMailer},
	{"web", newWeb},
}

// openShop listens and makes the services; nothing answers yet.
func openShop(ctx context.Context, o Options) (*shop, error) {
	s := &shop{options: o, addresses: map[string]string{}, listeners: map[string]net.Listener{}, services: map[string]*service{}}
	// The SDK's own errors repeat with each batch while a receiver is away; the connection says them once.
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(error) {}))
	var err error
	if s.receiver, err = s.dialReceiver(); err != nil {
		return nil, err
	}
	for _, k := range kinds {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.close()
			return nil, fmt.Errorf("listen for %s: %w", k.name, err)
		}
		s.listeners[k.name], s.addresses[k.name] = l, l.Addr().String()
	}
	for _, k := range kinds {
		v, err := newService(ctx, s, k.name)
		if err == nil {
			s.services[k.name] = v
			err = k.make(v)
		}
		if err != nil {
			s.close()
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
	}
	return s, nil
}

// close lets go of what openShop took; services that have been stopped may be closed too.
func (s *shop) close() {
	for _, l := range s.listeners {
		l.Close()
	}
	for _, v := range s.services {
		for _, f := range v.closers {
			_ = f() // a connection that is closed already
		}
	}
	_ = s.receiver.Close() // nothing is left to send
}

// run serves until ctx ends. It ends from the outside in: users, consumers, services, telemetry.
func (s *shop) run(ctx context.Context) error {
	defer s.close()
	watching, unwatch := context.WithCancel(context.WithoutCancel(ctx))
	defer unwatch()
	go askReceiver(watching, s.receiver)
	working, stopWork := context.WithCancel(ctx)
	defer stopWork()
	serving, working := errgroup.WithContext(working)
	var work sync.WaitGroup
	for _, k := range kinds {
		v := s.services[k.name]
		serving.Go(func() error { return v.serve(s.listeners[k.name]) })
		for _, f := range v.work {
			work.Go(func() { f(working) })
		}
		v.log.InfoContext(ctx, fmt.Sprintf("%s %s started, listening on %s", v.name, releases[v.name], s.addresses[v.name]))
	}
	s.say("%d services are open: %s", len(kinds), strings.Join(s.names(), ", "))
	work.Go(func() { s.haveFaults(working) })
	work.Go(func() { s.haveUsers(working) })
	work.Go(func() { s.haveNeighbour(working) })
	<-working.Done()
	work.Wait()
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for _, k := range slices.Backward(kinds) {
		s.services[k.name].stop(stopping)
	}
	err := serving.Wait()
	s.flush(ctx)
	return err
}

// flush sends what is recorded and not yet sent, for as long as that is worth waiting.
func (s *shop) flush(ctx context.Context) {
	limit := flushTimeout
	if s.receiver.GetState() != connectivity.Ready {
		limit = 0 // nobody is there to take it
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	var all errgroup.Group
	for _, v := range s.services {
		all.Go(func() error { return v.sdk.shutdown(ctx) })
	}
	// The SDK waits for locks without looking at ctx, so we do not wait for the SDK: what is still under way fails when the connection is closed.
	sent := make(chan error, 1)
	go func() { sent <- all.Wait() }()
	var err error
	select {
	case err = <-sent:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		s.say("closed; some of the last telemetry was not taken by %s", s.options.OTLP)
		return
	}
	s.say("closed; all telemetry is sent")
}

func (s *shop) names() []string {
	var names []string
	for _, k := range slices.Backward(kinds) {
		names = append(names, k.name)
	}
	return names
}

// say tells people something.
func (s *shop) say(format string, args ...any) {
	s.sayMu.Lock()
	defer s.sayMu.Unlock()
	fmt.Fprintf(s.options.Out, "%s  %s\n", time.Now().Format("15:04:05"), fmt.Sprintf(format, args...))
}
