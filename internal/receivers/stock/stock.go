// Package stock is the ways in with ports of their own: Jaeger, Zipkin, syslog and Fluent forward. For the first three the OpenTelemetry Collector's own
// receivers serve; package fluent says why not for the fourth.
//
// Each is wrapped, so that it behaves as our own do: what it takes and what is refused is counted by protocol and reason, spans without ids are
// rejected, and a refusal by the pipeline reaches the sender with its meaning (the stock receivers answer 500 to everything).
package stock

import (
	"context"
	"net"
	"strconv"

	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/jaegerreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/syslogreceiver"
	"github.com/open-telemetry/opentelemetry-collector-contrib/receiver/zipkinreceiver"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/receiver"

	"clew/internal/access"
	"clew/internal/receivers/fluent"
	"clew/internal/receivers/way"
)

// Names of the protocols, as configuration and counters use them.
const (
	Jaeger = "jaeger"
	Zipkin = "zipkin"
	Syslog = "syslog"
	Fluent = fluent.Protocol
)

// Names are all of them.
var Names = []string{Jaeger, Zipkin, Syslog, Fluent}

// Factories are the receivers' factories. guard asks who sends; nil: nobody does. Their components have the types of the stock ones: jaeger, zipkin, syslog, fluent_forward.
func Factories(m *way.Metrics, guard *access.Guard) []receiver.Factory {
	return []receiver.Factory{
		spans(jaegerreceiver.NewFactory(), Jaeger, m, guard),
		spans(zipkinreceiver.NewFactory(), Zipkin, m, guard),
		logs(syslogreceiver.NewFactory(), Syslog, m, guard),
		fluent.NewFactory(m, guard),
	}
}

func spans(f receiver.Factory, protocol string, m *way.Metrics, guard *access.Guard) receiver.Factory {
	create := func(ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Traces) (receiver.Traces, error) {
		set.Logger = counting(set.Logger, protocol, m)
		return f.CreateTraces(ctx, set, cfg, &traces{Traces: next, protocol: protocol, metrics: m, guard: guard})
	}
	return receiver.NewFactory(f.Type(), f.CreateDefaultConfig, receiver.WithTraces(create, f.TracesStability()))
}

func logs(f receiver.Factory, protocol string, m *way.Metrics, guard *access.Guard) receiver.Factory {
	create := func(ctx context.Context, set receiver.Settings, cfg component.Config, next consumer.Logs) (receiver.Logs, error) {
		set.Logger = counting(set.Logger, protocol, m)
		return f.CreateLogs(ctx, set, framed(cfg), &records{Logs: next, protocol: protocol, metrics: m, guard: guard})
	}
	return receiver.NewFactory(f.Type(), f.CreateDefaultConfig, receiver.WithLogs(create, f.LogsStability()))
}

// TLS names PEM files.
type TLS struct{ CertFile, KeyFile, ClientCAFile string }

func (t *TLS) config() map[string]any {
	m := map[string]any{"cert_file": t.CertFile, "key_file": t.KeyFile, "reload_interval": ReloadCertificates.String()}
	if t.ClientCAFile != "" {
		m["client_ca_file"], m["client_ca_file_reload"] = t.ClientCAFile, true
	}
	return m
}

// Ports are where a protocol is expected, by what listens there.
var Ports = map[string][]Port{
	Jaeger: {{"grpc", 14250}, {"thrift_http", 14268}, {"thrift_compact", 6831}, {"thrift_binary", 6832}},
	Zipkin: {{"http", 9411}},
	// The registered ports, 514 and 601, are root's. There is one for each format, because the stock receiver reads one.
	Syslog: {{"rfc3164", 5514}, {"rfc5424", 5424}},
	Fluent: {{"forward", 24224}},
}

// Port is one port of a protocol.
type Port struct {
	What   string
	Number int
}

// Place says where a protocol listens. TLS is used by what goes over TCP.
type Place struct {
	Host string
	TLS  *TLS
}

func (p Place) endpoint(port Port) string {
	return net.JoinHostPort(p.Host, strconv.Itoa(port.Number))
}

// Component is a receiver in the Collector's configuration.
type Component struct {
	ID     string
	Config map[string]any
	Logs   bool // else spans
}

// Components are the receivers of a protocol at a place.
func Components(protocol string, at Place) []Component {
	ports := Ports[protocol]
	switch protocol {
	case Jaeger:
		return []Component{{ID: "jaeger", Config: map[string]any{"protocols": map[string]any{
			ports[0].What: at.server(Jaeger, ports[0]),
			ports[1].What: at.server(Jaeger, ports[1]),
			ports[2].What: map[string]any{"endpoint": at.endpoint(ports[2])},
			ports[3].What: map[string]any{"endpoint": at.endpoint(ports[3])},
		}}}}
	case Zipkin:
		return []Component{{ID: "zipkin", Config: at.server(Zipkin, ports[0])}}
	case Syslog:
		return at.syslog(ports)
	case Fluent:
		config := map[string]any{"endpoint": at.endpoint(ports[0])}
		if at.TLS != nil {
			config["tls"] = at.TLS.config()
		}
		return []Component{{ID: fluent.Type.String(), Logs: true, Config: config}}
	}
	return nil
}

// server is a gRPC or HTTP server's configuration, with the tenant's header passed on and answers watched.
func (p Place) server(protocol string, port Port) map[string]any {
	m := map[string]any{
		"endpoint":         p.endpoint(port),
		"include_metadata": true,
		"middlewares":      []any{map[string]any{"id": ExtensionID(protocol)}},
	}
	if port.What == "grpc" {
		m["max_recv_msg_size_mib"] = bodyBytesMax >> 20
	} else {
		m["max_request_body_size"] = bodyBytesMax
	}
	if p.TLS != nil {
		m["tls"] = p.TLS.config()
	}
	return m
}
