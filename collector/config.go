package collector

import (
	"fmt"
	"net"
	"os"
	"strconv"

	"clew/collector/logexporter"
	"clew/collector/quota"
)

// Config of the collector.
type Config struct {
	OTLP OTLP `yaml:"otlp"`
	// Receivers are the ways in beside OTLP.
	Receivers Receivers `yaml:"receivers"`
	// Log says how records become messages of the shard log.
	Log logexporter.Config `yaml:"log"`
	// Tenants bounds what each tenant sends. It is validated where it is written down, apart from the rest.
	Tenants quota.Config `yaml:"-"`
	// Otelcol is configuration of the OpenTelemetry Collector (receivers, processors, extensions, service), merged over
	// what clew makes of the settings above.
	Otelcol map[string]any `yaml:"otelcol,omitempty"`
}

// OTLP configures the OTLP receiver.
type OTLP struct {
	// GRPC and HTTP are where it listens; an empty endpoint turns the protocol off.
	GRPC Listener `yaml:"grpc"`
	HTTP Listener `yaml:"http"`
	// CORSOrigins are the web origins whose pages may send over HTTP ("https://*.example.com", "*").
	CORSOrigins []string `yaml:"cors_origins,omitempty"`
	// BodyBytesMax bounds one request, decompressed. gRPC rounds it down to whole mebibytes.
	BodyBytesMax int64 `yaml:"body_bytes_max"`
	// InFlightBytesMax bounds all requests in flight: decompressed bodies and what they decode to.
	InFlightBytesMax int64 `yaml:"in_flight_bytes_max"`
	// RecordBytesMax bounds one span, log record or metric. What the shard log takes bounds it further.
	RecordBytesMax int `yaml:"record_bytes_max"`
}

// Listener is one port.
type Listener struct {
	Endpoint string `yaml:"endpoint"`
	TLS      *TLS   `yaml:"tls,omitempty"`
}

// TLS names PEM files.
type TLS struct {
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
	// ClientCAFile, if set, makes client certificates required, unless ClientCertOptional.
	ClientCAFile string `yaml:"client_ca_file,omitempty"`
	// ClientCertOptional takes senders without a certificate too, who show a token instead: on the ports of OTLP and what shares them.
	ClientCertOptional bool `yaml:"client_cert_optional,omitempty"`
}

// CertificateRequired says whether nobody gets in without a certificate.
func (t *TLS) CertificateRequired() bool {
	return t != nil && t.ClientCAFile != "" && !t.ClientCertOptional
}

// DefaultConfig listens on loopback, OTLP's standard ports.
func DefaultConfig() Config {
	return Config{
		OTLP: OTLP{
			GRPC:         Listener{Endpoint: "127.0.0.1:4317"},
			HTTP:         Listener{Endpoint: "127.0.0.1:4318"},
			BodyBytesMax: 64 << 20,
			// A body of log records decodes to about three times its size.
			InFlightBytesMax: 256 << 20,
			// Half of what a message of the embedded log holds.
			RecordBytesMax: 2 << 20,
		},
		Receivers: Receivers{Loki: true, RemoteWrite: true, Elasticsearch: true, Host: "127.0.0.1"},
		Log:       logexporter.DefaultConfig(),
		Tenants:   quota.DefaultConfig(),
	}
}

// Validate returns every problem, each starting with the key's path. What the OpenTelemetry Collector itself has to say
// about the configuration, Run returns.
func (c Config) Validate() []error {
	var errs []error
	problem := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	errs = append(errs, c.OTLP.GRPC.validate("otlp.grpc")...)
	errs = append(errs, c.OTLP.HTTP.validate("otlp.http")...)
	if c.OTLP.GRPC.Endpoint == "" && c.OTLP.HTTP.Endpoint == "" {
		problem("otlp: grpc.endpoint and http.endpoint are both empty: nothing could be received")
	}
	if n := c.OTLP.BodyBytesMax; n < bodyBytesMaxLeast || n > bodyBytesMaxMost {
		problem("otlp.body_bytes_max: want %d to %d, have %d", bodyBytesMaxLeast, bodyBytesMaxMost, n)
	}
	if c.OTLP.InFlightBytesMax < c.OTLP.BodyBytesMax {
		problem("otlp.in_flight_bytes_max: want at least body_bytes_max (%d), have %d", c.OTLP.BodyBytesMax, c.OTLP.InFlightBytesMax)
	}
	if c.OTLP.RecordBytesMax < 1024 {
		problem("otlp.record_bytes_max: want at least 1024, have %d", c.OTLP.RecordBytesMax)
	}
	errs = append(errs, c.Receivers.validate("receivers")...)
	for _, err := range c.Log.Validate() {
		problem("log.%w", err)
	}
	return errs
}

func (l Listener) validate(path string) []error {
	var errs []error
	if l.Endpoint != "" {
		if err := checkEndpoint(l.Endpoint); err != nil {
			errs = append(errs, fmt.Errorf("%s.endpoint: %w", path, err))
		}
	}
	if l.TLS == nil {
		return errs
	}
	file := func(key, name string, required bool) {
		if name == "" && !required {
			return
		}
		if name == "" {
			errs = append(errs, fmt.Errorf("%s.tls.%s: want the name of a PEM file", path, key))
		} else if _, err := os.Stat(name); err != nil {
			errs = append(errs, fmt.Errorf("%s.tls.%s: %w", path, key, err))
		}
	}
	file("cert_file", l.TLS.CertFile, true)
	file("key_file", l.TLS.KeyFile, true)
	file("client_ca_file", l.TLS.ClientCAFile, false)
	if l.TLS.ClientCertOptional && l.TLS.ClientCAFile == "" {
		errs = append(errs, fmt.Errorf("%s.tls.client_cert_optional: without client_ca_file there is nobody to verify certificates by", path))
	}
	return errs
}

func checkEndpoint(endpoint string) error {
	_, port, err := net.SplitHostPort(endpoint)
	if err != nil {
		return fmt.Errorf("want host:port, have %q", endpoint)
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
		return fmt.Errorf("want a port from 0 to 65535, have %q", port)
	}
	return nil
}
