package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"clew/agents"
	"clew/agents/host"
)

// agentOptions are the flags of clew agent.
type agentOptions struct {
	agents.Config
	file, level, http  string
	check, printConfig bool
}

func newAgentCommand() *cobra.Command {
	o := agentOptions{Config: agents.DefaultConfig()}
	cmd := &cobra.Command{
		Use:   "agent [flags]",
		Short: "Collect what this host says, and ship it to clew",
		Long: `Run the node agent: log files of the host and of its containers, the journal, metrics of host and processes, and OTLP of
applications on this host go to a queue on the disk, and from there to one of the collectors. It needs no configuration file; --config
has OpenTelemetry Collector YAML that is merged over the default (maps merge, lists replace, null removes; docs/agent.md).

--check says what would be collected from where, and exits: 0 all is well, 1 files may not be read or a collector is not
reached, 2 the agent would not start.`,
		Example: `  clew agent                                                    # to a clew on this host
  clew agent --collector clew-1:4317,clew-2:4317 --data /var/lib/clew-agent
  clew agent --check
  clew agent --print-config
  clew agent --config extra.yaml --tls-ca ca.pem --token-file /etc/clew/token
  clew agent --http 127.0.0.1:7401                              # its own counters: curl 127.0.0.1:7401/metrics`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd) },
	}
	f := cmd.Flags()
	f.StringSliceVar(&o.Collectors, "collector", o.Collectors, "`host:port` of collectors (OTLP over gRPC); one is used at a time, the others when it fails")
	f.StringVar(&o.Data, "data", o.Data, "directory of the queue and of the places up to which files are read")
	f.StringVar(&o.file, "config", "", "OpenTelemetry Collector YAML that is merged over the default configuration")
	f.BoolVar(&o.check, "check", false, "say what would be collected, and exit")
	f.BoolVar(&o.printConfig, "print-config", false, "print the configuration that the agent would run with, and exit")
	f.StringVar(&o.Root, "root", o.Root, "where the host's file system is, such as /hostfs in a container")
	f.StringVar(&o.Tenant, "tenant", "", "tenant of everything that is shipped")
	f.StringVar(&o.TokenFile, "token-file", "", "`file` with the bearer token for the collectors")
	f.BoolVar(&o.TLS.On, "tls", false, "encrypt, and check the collectors' certificates by the system's authorities")
	f.StringVar(&o.TLS.CAFile, "tls-ca", "", "PEM `file` of the authority of the collectors' certificates; turns TLS on")
	f.StringVar(&o.TLS.CertFile, "tls-cert", "", "PEM `file` of the agent's certificate; turns TLS on")
	f.StringVar(&o.TLS.KeyFile, "tls-key", "", "PEM `file` of its key")
	f.StringVar(&o.TLS.ServerName, "tls-server-name", "", "name in the collectors' certificates, where it is not that of --collector; turns TLS on")
	f.Int64Var(&o.QueueBytes, "queue-bytes", o.QueueBytes, "what may wait on the disk while no collector takes it")
	f.StringVar(&o.http, "http", "", "`host:port` of the agent's own /metrics, /readyz and, on loopback, /debug/pprof; off by default")
	f.StringVar(&o.level, "log-level", "info", "debug, info, warn or error")
	return cmd
}

func (o *agentOptions) run(cmd *cobra.Command) error {
	if err := o.Validate(); err != nil {
		return err
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(o.level)); err != nil {
		return fmt.Errorf("--log-level %q: want debug, info, warn or error", o.level)
	}
	var err error
	if o.Data, err = filepath.Abs(o.Data); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	if o.file != "" {
		data, err := os.ReadFile(filepath.Clean(o.file))
		if err != nil {
			return fmt.Errorf("configuration: %w", err)
		}
		if o.Overrides, err = agents.ParseOverrides(o.file, data); err != nil {
			return err
		}
	}
	h := host.Detect(o.Root, os.Getenv)
	composed, err := agents.Compose(o.Config, h)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: l}))
	if o.check || o.printConfig {
		logger = slog.New(slog.DiscardHandler)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	agent, err := agents.New(composed, agents.Deps{Logger: logger, Version: version, Host: h, Registry: registry})
	if err != nil {
		return err
	}
	switch {
	case o.printConfig:
		text, err := composed.YAML()
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(text)
		return err
	case o.check:
		return o.printCheck(cmd.Context(), cmd.OutOrStdout(), agent, composed, h)
	}
	return o.collect(cmd.Context(), logger, agent, composed, registry)
}

func (o *agentOptions) collect(ctx context.Context, logger *slog.Logger, agent *agents.Agent, composed *agents.Composed, registry *prometheus.Registry) error {
	if err := agent.Validate(ctx); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	if err := os.MkdirAll(o.Data, 0o750); err != nil {
		return fmt.Errorf("data directory: %w", err)
	}
	// An agent is a guest on its host. Who sets the environment's variables knows better.
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(agents.MemoryBytes)
	}
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(min(agents.Processors, runtime.GOMAXPROCS(0)))
	}
	forgetProgram()
	for _, note := range composed.Notes {
		logger.Info(note)
	}
	go func() {
		select {
		case <-agent.Ready():
			forgetProgram()
			logger.Info("the agent collects", "collectors", o.Collectors, "data", o.Data)
		case <-ctx.Done():
		}
	}()
	g, ctx := errgroup.WithContext(ctx)
	if o.http != "" {
		g.Go(func() error { return watchAgent(ctx, o.http, registry, agent.Ready(), logger) })
	}
	g.Go(func() error { return agent.Run(ctx) })
	return g.Wait()
}
