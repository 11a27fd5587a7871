package otlpreceiver

import (
	"errors"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/configgrpc"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configtls"
)

// Protocols of the receiver. One that is absent is not served. TLS, CORS, authentication and the like are the
// Collector's own settings of its gRPC and HTTP servers.
type Protocols struct {
	GRPC configoptional.Optional[configgrpc.ServerConfig] `mapstructure:"grpc"`
	HTTP configoptional.Optional[confighttp.ServerConfig] `mapstructure:"http"`
}

// Config of the receiver, as a part of the Collector's configuration.
type Config struct {
	Protocols          Protocols          `mapstructure:"protocols"`
	ClientCertOptional ClientCertOptional `mapstructure:"client_cert_optional"`
}

// ClientCertOptional says where a client_ca_file verifies the certificates that are shown and lets in who shows none, which the Collector's own settings
// cannot say.
type ClientCertOptional struct {
	GRPC bool `mapstructure:"grpc"`
	HTTP bool `mapstructure:"http"`
}

// Validate is called by the Collector.
func (c *Config) Validate() error {
	if !c.Protocols.GRPC.HasValue() && !c.Protocols.HTTP.HasValue() {
		return errors.New("protocols: want grpc or http or both")
	}
	return nil
}

func createDefaultConfig() component.Config {
	grpc := configgrpc.NewDefaultServerConfig()
	grpc.NetAddr.Endpoint = "127.0.0.1:4317"
	grpc.MaxRecvMsgSizeMiB = defaultBodyBytesMax >> 20
	grpc.ReadBufferSize = 512 << 10
	grpc.MaxConcurrentStreams = 64

	http := confighttp.NewDefaultServerConfig()
	http.NetAddr.Endpoint = "127.0.0.1:4318"
	http.TLS = configoptional.None[configtls.ServerConfig]()
	http.MaxRequestBodySize = defaultBodyBytesMax
	http.CompressionAlgorithms = []string{""} // the rest are our own: see encoding.go
	http.ReadTimeout = defaultReadTimeout
	http.ReadHeaderTimeout = 10 * time.Second
	http.WriteTimeout = 2 * defaultReadTimeout
	http.IdleTimeout = 2 * time.Minute

	return &Config{Protocols: Protocols{GRPC: configoptional.Default(grpc), HTTP: configoptional.Default(http)}}
}
