package shardlog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// startServer starts the NATS server within this process on dir. It listens to nobody.
func startServer(dir string, log *slog.Logger) (*server.Server, error) {
	srv, err := server.NewServer(&server.Options{
		ServerName: "clew",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   dir,
		// Every write is fsynced before it is acknowledged. NATS's own default, every two minutes, loses acknowledged messages.
		SyncAlways: true,
		// Space is watched by us: limits that the server derives from the disk at its start would be wrong an hour later.
		JetStreamMaxStore:  1 << 60,
		JetStreamMaxMemory: 64 << 20, // consumers only
		MaxPayload:         payloadBytesMax,
		WriteDeadline:      writeTimeout,
		// What a reader has asked for (prefetchBytes) and room for answers.
		MaxPending:             4 * prefetchBytes,
		DisableJetStreamBanner: true,
	})
	if err != nil {
		return nil, fmt.Errorf("configure NATS: %w", err)
	}
	srv.SetLoggerV2(&natsLogger{log}, true, false, false)
	srv.Start()
	if !srv.ReadyForConnections(openTimeout) {
		stopServer(srv)
		return nil, fmt.Errorf("start NATS in %s: not ready after %s", dir, openTimeout)
	}
	if !srv.JetStreamEnabled() {
		stopServer(srv)
		return nil, fmt.Errorf("start NATS in %s: JetStream has not started, its reason is in the log", dir)
	}
	return srv, nil
}

func stopServer(srv *server.Server) {
	srv.Shutdown()
	srv.WaitForShutdown()
}

// startSession connects to srv and sees to the streams.
func startSession(ctx context.Context, srv *server.Server, cfg Config) (s *session, stored int, err error) {
	s, err = connect([]nats.Option{
		nats.InProcessServer(srv),
		nats.Name("clew"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectWait),
		// A publish while there is no connection is to fail, not to wait in a buffer.
		nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			cfg.Logger.Warn("NATS client", "error", err)
		}),
	}, embeddedTiming, func(stream string) error { return streamFailure(srv, stream) })
	if err != nil {
		return nil, 0, err
	}
	if stored, err = createStreams(ctx, s, cfg); err != nil {
		s.end()
		return nil, 0, err
	}
	return s, stored, nil
}

// streamFailure says why a stream takes no more writes, nil if it does. JetStream keeps a stream's first write error, answers
// nothing to publishes from then on, and forgets it only when the server restarts.
//
// The server's health check is the only way to see it from outside. It has other complaints too, such as not being ready within 1 ms.
func streamFailure(srv *server.Server, stream string) error {
	h := srv.Healthz(&server.HealthzOptions{Account: server.DEFAULT_GLOBAL_ACCOUNT, Stream: stream, Details: true})
	for _, e := range h.Errors {
		if e.Type == server.HealthzErrorStream {
			return errors.New(e.Error)
		}
	}
	return nil
}

// natsLogger passes the server's log on: its notices are of no interest to most, its warnings and errors are.
type natsLogger struct{ log *slog.Logger }

func (l *natsLogger) Noticef(format string, v ...any) {
	l.log.Debug("NATS: " + fmt.Sprintf(format, v...))
}

func (l *natsLogger) Debugf(format string, v ...any) {
	l.log.Debug("NATS: " + fmt.Sprintf(format, v...))
}

func (l *natsLogger) Tracef(format string, v ...any) {
	l.log.Debug("NATS: " + fmt.Sprintf(format, v...))
}

func (l *natsLogger) Warnf(format string, v ...any) { l.log.Warn("NATS: " + fmt.Sprintf(format, v...)) }

func (l *natsLogger) Errorf(format string, v ...any) {
	l.log.Warn("NATS: " + fmt.Sprintf(format, v...))
}

func (l *natsLogger) Fatalf(format string, v ...any) {
	l.log.Warn("NATS: " + fmt.Sprintf(format, v...))
}

// storeDir is where the server keeps its files within Config.Dir.
func storeDir(dir string) string { return filepath.Join(dir, "nats") }

var _ server.Logger = (*natsLogger)(nil)
