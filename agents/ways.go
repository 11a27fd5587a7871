package agents

import (
	"strings"

	"clew/internal/receivers/stock"
)

// watchAnswers lets the receivers of Jaeger and Zipkin answer refusals in the terms of their protocol, and counts what they answer: the stock ones say
// 500 to everything. A configuration that names middlewares of its own keeps them.
func (o *Composed) watchAnswers() {
	extensions, service := at(o.Config, "extensions"), at(o.Config, "service")
	names, _ := service["extensions"].([]any)
	watch := func(protocol string, server map[string]any) {
		if _, own := server["middlewares"]; own {
			return
		}
		id := stock.ExtensionID(protocol)
		server["middlewares"] = []any{map[string]any{"id": id}}
		if _, there := extensions[id]; !there {
			extensions[id] = map[string]any{}
			names = append(names, id)
		}
	}
	for name, config := range at(o.Config, "receivers") {
		kind, _, _ := strings.Cut(name, "/")
		receiver, ok := config.(map[string]any)
		switch {
		case !ok:
		case kind == stock.Zipkin:
			watch(stock.Zipkin, receiver)
		case kind == stock.Jaeger:
			protocols, _ := receiver["protocols"].(map[string]any)
			for _, protocol := range []string{"grpc", "thrift_http"} {
				if server, has := protocols[protocol].(map[string]any); has {
					watch(stock.Jaeger, server)
				}
			}
		}
	}
	if names != nil {
		service["extensions"] = names
	}
}

// syslogFields makes records of syslog what they are at a collector: the message is the body, the application the service, and a frame whose last byte is a
// newline keeps it. What the configuration says itself stays.
func (o *Composed) syslogFields() {
	receivers := at(o.Config, "receivers")
	for name, config := range receivers {
		own, ok := config.(map[string]any)
		if kind, _, _ := strings.Cut(name, "/"); !ok || kind != stock.Syslog {
			continue
		}
		for _, c := range stock.Components(stock.Syslog, stock.Place{Host: "127.0.0.1"}) {
			for _, transport := range []string{"tcp", "udp"} {
				_, has := c.Config[transport]
				if _, wants := own[transport]; has && wants && own["protocol"] == c.Config["protocol"] {
					own = merge(c.Config, own)
				}
			}
		}
		receivers[name] = own
	}
}
