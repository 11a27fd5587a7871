package agents

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"slices"
	"strings"
	"syscall"
)

// leaveOutOTLP removes the default's OTLP where it belongs to somebody else: to the clew on this host that the agent ships to, whether that runs already or not (the agent
// would take its port, and ship to itself), or to whoever listens there.
func (o *Composed) leaveOutOTLP(c Config) {
	protocols := at(o.Config, "receivers", "otlp", "protocols")
	grpc, _ := at(protocols, "grpc")["endpoint"].(string)
	if collector := meets(c.Collectors, grpc); collector != "" {
		delete(at(o.Config, "receivers"), "otlp")
		o.Notes = append(o.Notes, fmt.Sprintf("otlp is not received: --collector %s is on this host, applications send there (or name another endpoint in --config)", collector))
		return
	}
	for _, protocol := range []string{"grpc", "http"} {
		address, _ := at(protocols, protocol)["endpoint"].(string)
		l, err := net.Listen("tcp", address)
		if err != nil {
			delete(protocols, protocol)
			o.Notes = append(o.Notes, fmt.Sprintf("otlp over %s is not received: %v (name another endpoint in --config, or send to who listens there)", protocol, err))
			continue
		}
		l.Close()
	}
	if len(protocols) == 0 {
		delete(at(o.Config, "receivers"), "otlp")
	}
}

// sendsToItself is an error where the agent would receive what it ships, and ship it again, for ever.
func (o *Composed) sendsToItself() error {
	var errs []error
	receivers := at(o.Config, "receivers")
	for _, name := range slices.Sorted(maps.Keys(receivers)) {
		kind, _, _ := strings.Cut(name, "/")
		receiver, _ := receivers[name].(map[string]any)
		protocols, _ := receiver["protocols"].(map[string]any)
		grpc, _ := protocols["grpc"].(map[string]any)
		endpoint, _ := grpc["endpoint"].(string)
		if kind != "otlp" || endpoint == "" {
			continue
		}
		if collector := meets(o.flags.Collectors, endpoint); collector != "" {
			errs = append(errs, fmt.Errorf("receivers::%s::protocols::grpc::endpoint: %s is --collector %s: the agent would ship to itself", name, endpoint, collector))
		}
	}
	return errors.Join(errs...)
}

// meets returns the collector that is who listens at an endpoint of this host.
func meets(collectors []string, endpoint string) string {
	_, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return ""
	}
	for _, collector := range collectors {
		if host, p, err := net.SplitHostPort(collector); err == nil && p == port && isThisHost(host) {
			return collector
		}
	}
	return ""
}

// isThisHost says whether a name or an address is one of this host's.
func isThisHost(name string) bool {
	if own, err := os.Hostname(); name == "localhost" || err == nil && name == own {
		return true
	}
	addresses := []string{name}
	if net.ParseIP(name) == nil {
		ctx, cancel := context.WithTimeout(context.Background(), lookupWithin)
		defer cancel()
		found, err := net.DefaultResolver.LookupHost(ctx, name)
		if err != nil {
			return false // it is not reached either
		}
		addresses = found
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		own = nil // loopback is known without them
	}
	for _, a := range addresses {
		ip := net.ParseIP(a)
		if ip == nil {
			continue
		}
		if ip.IsLoopback() || ip.IsUnspecified() || slices.ContainsFunc(own, func(n net.Addr) bool { mine, ok := n.(*net.IPNet); return ok && mine.IP.Equal(ip) }) {
			return true
		}
	}
	return false
}

// anew composes again if err says that a port was taken between the look whether it is free and the start: by another agent that was started at the same moment, for
// one. It returns nil if that is not so, or the port is one that the overrides name.
func (o *Composed) anew(err error) *Composed {
	if !errors.Is(err, syscall.EADDRINUSE) {
		return nil
	}
	again, err := Compose(o.flags, o.host)
	if err != nil || len(again.Notes) <= len(o.Notes) {
		return nil
	}
	return again
}
