package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"clew/internal/clock"
)

type runOptions struct {
	file, level string
	receivers   []string
	flags       Config
}

// load is the configuration file with the flags on top, validated. set says which flags were given.
func (o *runOptions) load(set func(flag string) bool) (Config, error) {
	cfg, err := LoadConfig(o.file)
	if err != nil {
		return cfg, err
	}
	if set("data") {
		cfg.Data = o.flags.Data
	}
	if set("store") {
		cfg.Store = o.flags.Store
	}
	if set("role") {
		cfg.Roles = o.flags.Roles
	}
	if set("nats") {
		cfg.NATS.URLs = o.flags.NATS.URLs
	}
	if set("name") {
		cfg.Cluster.Name = o.flags.Cluster.Name
	}
	if set("flight") {
		cfg.Cluster.Flight = o.flags.Cluster.Flight
	}
	if set("http") {
		cfg.HTTP = o.flags.HTTP
	}
	if set("otlp-grpc") {
		cfg.Collector.OTLP.GRPC.Endpoint = o.flags.Collector.OTLP.GRPC.Endpoint
	}
	if set("otlp-http") {
		cfg.Collector.OTLP.HTTP.Endpoint = o.flags.Collector.OTLP.HTTP.Endpoint
	}
	if set("rules") {
		cfg.Rules.Files = o.flags.Rules.Files
	}
	if set("external-url") {
		cfg.Rules.ExternalURL = o.flags.Rules.ExternalURL
	}
	if set("alertmanager-config") {
		cfg.Alertmanager.Config = o.flags.Alertmanager.Config
	}
	if set("alertmanager-url") {
		cfg.Alertmanager.URLs = o.flags.Alertmanager.URLs
	}
	if err := cfg.Collector.Receivers.TurnOn(o.receivers); err != nil {
		return cfg, fmt.Errorf("--receivers: %w", err)
	}
	return cfg, cfg.Validate()
}

func newRunCommand() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run clew: take telemetry in, keep it, answer",
		Long: `Run clew in one process, or, with --role, a part of it beside others: OTLP receivers, the durable log, ingest, index and API.

A sender's success means that its records are fsynced. Everything is under --data, unless --store puts the segments into an object store
(credentials come from its usual environment: see docs/operate.md); nothing else is written. All ports listen on
loopback until told otherwise. Flags override the configuration file (see clew config print).

SIGHUP makes clew read the file again: retention and the limits of tenants take effect at once, other changes are named in the log and need a restart, and a file with a
problem is refused as a whole. SIGTERM ends clew, and so does SIGHUP without --config.`,
		Example: `  clew run
  clew run --data /var/lib/clew --config /etc/clew.yaml
  kill -HUP $(pidof clew)                            # after the file was changed; check it first: clew config check /etc/clew.yaml
  clew run --data /var/lib/clew --store 's3://telemetry/clew?region=eu-north-1'
  clew run --rules /etc/clew/rules --rules deploy/rules   # alert; read again when they change, and at SIGHUP
  clew run --rules rules --alertmanager-config alertmanager.yml    # tell people; check it first: clew alertmanager check alertmanager.yml
  clew run --rules rules --alertmanager-url http://am-1:9093 --alertmanager-url http://am-2:9093
  clew run --receivers jaeger,zipkin,syslog,fluent   # Loki, remote write and Elasticsearch bulk are on, on the port of OTLP over HTTP
  clew run --role collector --nats nats://a:4222,nats://b:4222,nats://c:4222 --store s3://telemetry/clew    # one of many; likewise ingest, query
  clew run --http 0.0.0.0:7400 --otlp-grpc 0.0.0.0:4317 --otlp-http 0.0.0.0:4318`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			load := func() (Config, error) { return o.load(cmd.Flags().Changed) }
			cfg, err := load()
			if err != nil {
				return err
			}
			var l slog.Level
			if err := l.UnmarshalText([]byte(o.level)); err != nil {
				return fmt.Errorf("--log-level %q: want debug, info, warn or error", o.level)
			}
			logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l}))
			var reloads *reloader
			if o.file != "" {
				reloads = newReloader(cfg, load)
			}
			follow, err := clock.Set(os.Getenv(clock.Variable))
			if err != nil {
				return err
			}
			if follow != nil {
				go follow(cmd.Context())
			}
			if d := clock.Offset(); d != 0 || follow != nil {
				logger.Warn("the clock is made wrong, for a test", "variable", clock.Variable, "by", d)
			}
			err = serve(cmd.Context(), cfg, logger, reloads)
			if errors.Is(err, context.Canceled) {
				return nil
			}
			return err
		},
	}
	d := DefaultConfig()
	f := cmd.Flags()
	f.StringVar(&o.flags.Data, "data", d.Data, "directory of everything clew keeps")
	f.StringVar(&o.flags.Store, "store", d.Store, "`URL` of the object store for segments: s3://bucket/prefix?endpoint=...&region=..., gs:// or azblob://; empty: in the data directory")
	f.StringSliceVar((*[]string)(&o.flags.Roles), "role", d.Roles, "what this process does: collector, ingest, query, or several of them; the rest is done by others that share --nats and --store (see docs/cluster.md)")
	f.StringSliceVar(&o.flags.NATS.URLs, "nats", nil, "`URLs` of NATS servers that keep the log, such as nats://a:4222,nats://b:4222; default: the log is in this process")
	f.StringVar(&o.flags.Cluster.Name, "name", "", "what this process is called among others; default: the host's name and the port of UI and API")
	f.StringVar(&o.flags.Cluster.Flight, "flight", d.Cluster.Flight, "address at which other processes of the cluster ask this one, and that they are told")
	f.StringVar(&o.flags.HTTP, "http", d.HTTP, "address of UI and API")
	f.StringVar(&o.flags.Collector.OTLP.GRPC.Endpoint, "otlp-grpc", d.Collector.OTLP.GRPC.Endpoint, "address of OTLP over gRPC")
	f.StringVar(&o.flags.Collector.OTLP.HTTP.Endpoint, "otlp-http", d.Collector.OTLP.HTTP.Endpoint, "address of OTLP over HTTP")
	f.StringSliceVar(&o.receivers, "receivers", nil, "further ways in with ports of their own, on loopback (see docs/ingest.md): jaeger, zipkin, syslog, fluent")
	f.StringArrayVar(&o.flags.Rules.Files, "rules", nil, "rules to evaluate: a `file`, directory or glob; may be given several times (see clew rules, docs/rules.md)")
	f.StringVar(&o.flags.Rules.ExternalURL, "external-url", "", "`URL` at which people reach the web application, for links in notifications; default: http:// and --http")
	f.StringVar(&o.flags.Alertmanager.Config, "alertmanager-config", "", "alertmanager.yml `file` of the embedded Alertmanager: whom to tell of alerts (docs/alerting.md); read again at SIGHUP. Default: nobody")
	f.StringArrayVar(&o.flags.Alertmanager.URLs, "alertmanager-url", nil, "`URL` of an Alertmanager that runs elsewhere, instead of the embedded one; may be given several times: all are told")
	f.StringVar(&o.file, "config", "", "configuration `file` (YAML)")
	f.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	return cmd
}
