package stock

import "strings"

// syslog are receivers of each format over TCP and UDP. What frames a message over TCP is told by the message (see frames).
func (p Place) syslog(ports []Port) []Component {
	var out []Component
	for _, port := range ports {
		// Spaces at the end are the message's; records cuts newlines off.
		tcp := map[string]any{"listen_address": p.endpoint(port), "max_log_size": messageBytesMax, "preserve_trailing_whitespaces": true}
		if p.TLS != nil {
			tcp["tls"] = p.TLS.config()
		}
		udp := map[string]any{"listen_address": p.endpoint(port)}
		for transport, cfg := range map[string]map[string]any{"tcp": tcp, "udp": udp} {
			out = append(out, Component{ID: "syslog/" + port.What + "_" + transport, Logs: true, Config: map[string]any{
				transport:          cfg,
				"protocol":         port.What,
				"on_error":         "send_quiet", // a line that is none is kept as it came
				"operators":        syslogFields(),
				"retry_on_failure": map[string]any{"enabled": true, "max_elapsed_time": retryFor.String()},
			}})
		}
	}
	return out
}

// syslogFields gives what the parser found to where OpenTelemetry has it: the message is the body, the application the service.
func syslogFields() []any {
	moved := func(from, to string) any {
		return map[string]any{"type": "move", "from": from, "to": to, "if": strings.Replace(from, ".", "?.", 1) + " != nil"}
	}
	return []any{
		moved("attributes.message", "body"),
		moved("attributes.hostname", `resource["host.name"]`),
		moved("attributes.appname", `resource["service.name"]`),
		moved("attributes.proc_id", `attributes["process.pid"]`),
	}
}
