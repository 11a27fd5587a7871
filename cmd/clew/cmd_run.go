package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
)

func newRunCommand() *cobra.Command {
	var (
		file, level string
		receivers   []string
		flags       Config
	)
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run clew: take telemetry in, keep it, answer",
		Long: `Run clew in one process: OTLP receivers, the durable log, ingest, index and API.

A sender's success means that its records are fsynced. Everything is under --data, unless --store puts the segments into an object store
(credentials come from its usual environment: see docs/operate.md); nothing else is written. All ports listen on
loopback until told otherwise. Flags override the configuration file (see clew config print).`,
		Example: `  clew run
  clew run --data /var/lib/clew --config /etc/clew.yaml
  clew run --data /var/lib/clew --store 's3://telemetry/clew?region=eu-north-1'
  clew run --receivers jaeger,zipkin,syslog,fluent   # Loki, remote write and Elasticsearch bulk are on, on the port of OTLP over HTTP
  clew run --http 0.0.0.0:7400 --otlp-grpc 0.0.0.0:4317 --otlp-http 0.0.0.0:4318`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := LoadConfig(file)
			if err != nil {
				return err
			}
			set := cmd.Flags().Changed
			if set("data") {
				cfg.Data = flags.Data
			}
			if set("store") {
				cfg.Store = flags.Store
			}
			if set("http") {
				cfg.HTTP = flags.HTTP
			}
			if set("otlp-grpc") {
				cfg.Collector.OTLP.GRPC.Endpoint = flags.Collector.OTLP.GRPC.Endpoint
			}
			if set("otlp-http") {
				cfg.Collector.OTLP.HTTP.Endpoint = flags.Collector.OTLP.HTTP.Endpoint
			}
			if err := cfg.Collector.Receivers.TurnOn(receivers); err != nil {
				return fmt.Errorf("--receivers: %w", err)
			}
			if err := cfg.Validate(); err != nil {
				return err
			}
			var l slog.Level
			if err := l.UnmarshalText([]byte(level)); err != nil {
				return fmt.Errorf("--log-level %q: want debug, info, warn or error", level)
			}
			logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l}))
			err = serve(cmd.Context(), cfg, logger)
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		},
	}
	d := DefaultConfig()
	f := cmd.Flags()
	f.StringVar(&flags.Data, "data", d.Data, "directory of everything clew keeps")
	f.StringVar(&flags.Store, "store", d.Store, "`URL` of the object store for segments: s3://bucket/prefix?endpoint=...&region=..., gs:// or azblob://; empty: in the data directory")
	f.StringVar(&flags.HTTP, "http", d.HTTP, "address of UI and API")
	f.StringVar(&flags.Collector.OTLP.GRPC.Endpoint, "otlp-grpc", d.Collector.OTLP.GRPC.Endpoint, "address of OTLP over gRPC")
	f.StringVar(&flags.Collector.OTLP.HTTP.Endpoint, "otlp-http", d.Collector.OTLP.HTTP.Endpoint, "address of OTLP over HTTP")
	f.StringSliceVar(&receivers, "receivers", nil, "further ways in with ports of their own, on loopback (see docs/ingest.md): jaeger, zipkin, syslog, fluent")
	f.StringVar(&file, "config", "", "configuration `file` (YAML)")
	f.StringVar(&level, "log-level", "info", "debug, info, warn or error")
	return cmd
}
