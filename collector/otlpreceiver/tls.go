package otlpreceiver

import (
	"context"
	"crypto/tls"

	"go.opentelemetry.io/collector/config/configtls"
)

// serverTLS is the TLS of a port that speaks protocols, and follows its files. optional: who shows no certificate gets through the handshake, to show something else; one that is
// shown is verified either way.
func serverTLS(ctx context.Context, from *configtls.ServerConfig, optional bool, protocols ...string) (*tls.Config, error) {
	config, err := from.LoadTLSConfig(ctx)
	if err != nil {
		return nil, err
	}
	config.NextProtos = protocols
	if !optional {
		return config, nil
	}
	config.ClientAuth = tls.VerifyClientCertIfGiven
	if each := config.GetConfigForClient; each != nil { // made for each connection, of the authorities as they are then
		config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			c, err := each(hello)
			if c != nil {
				c.ClientAuth = tls.VerifyClientCertIfGiven
			}
			return c, err
		}
	}
	return config, nil
}
