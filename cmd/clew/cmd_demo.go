package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"clew/internal/demo"
)

// demoOptions are the flags of clew demo.
type demoOptions struct {
	demo.Options
	length time.Duration
	tls    bool
	shown  credentials
	run    bool
	agent  bool   // with run: an agent on this host too
	config Config // of the clew started by --run
}

func newDemoCommand() *cobra.Command {
	o := demoOptions{Options: demo.DefaultOptions(), config: DefaultConfig()}
	cmd := &cobra.Command{
		Use:   "demo [flags]",
		Short: "Run a shop of thirteen services with faults in it, and send its telemetry to clew",
		Long: fmt.Sprintf(`Run a shop in one process: thirteen services that talk HTTP and gRPC to each other over loopback, a queue and a database among them,
users who browse and buy, and the stock OpenTelemetry SDK in each. Without --fault the faults come and go, a minute each; with it they stay.
docs/demo.md says what each fault is and what one should see.

Faults: %s.`, strings.Join(demo.FaultNames(), ", ")),
		Example: `  clew demo --run                          # clew and the shop together
  clew demo                                # the shop alone, to a clew on this host
  clew demo --fault payment --rate 10
  clew demo --otlp 127.0.0.1:4317 --fault none --for 5m
  clew demo --otlp clew.internal:4317 --tls-ca ca.pem --token-file agents.token`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out = cmd.ErrOrStderr()
			if !o.run {
				for _, name := range []string{"data", "http", "otlp-grpc", "otlp-http", "agent"} {
					if cmd.Flags().Changed(name) {
						return fmt.Errorf("--%s is for the clew that --run starts", name)
					}
				}
				if err := o.credentials(); err != nil {
					return err
				}
				return o.start(cmd.Context())
			}
			for _, name := range []string{"otlp", "tls", "tls-ca", "tls-cert", "tls-key", "token", "token-file"} {
				if cmd.Flags().Changed(name) {
					return fmt.Errorf("--%s and --run: with --run the telemetry goes to the clew that is started; name its port with --otlp-grpc", name)
				}
			}
			return o.start(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.OTLP, "otlp", o.OTLP, "where to send telemetry: `host:port` of OTLP over gRPC")
	f.BoolVar(&o.tls, "tls", false, "encrypt, and check the receiver's certificate by the system's authorities; --tls-ca, --tls-cert and --tls-key turn it on too")
	o.shown.register(cmd)
	f.StringSliceVar(&o.Faults, "fault", nil, "faults that are always on, by `name`, or none (default: each in turn)")
	f.Float64Var(&o.Rate, "rate", o.Rate, "page views per second, on average")
	f.Uint64Var(&o.Seed, "seed", o.Seed, "of the users and all chances; trace ids are new each time")
	f.DurationVar(&o.length, "for", 0, "end after this time (default: run until interrupted)")
	f.DurationVar(&o.Turn, "turn", o.Turn, "how long a fault is on when they take turns")
	f.DurationVar(&o.Pause, "pause", o.Pause, "time of good health before each turn")
	f.BoolVar(&o.run, "run", false, "start a clew too, and end it with the shop")
	f.BoolVar(&o.agent, "agent", true, "with --run: collect this host's logs and metrics too (clew agent)")
	f.StringVar(&o.config.Data, "data", o.config.Data, "with --run: directory of everything clew keeps")
	f.StringVar(&o.config.HTTP, "http", o.config.HTTP, "with --run: address of UI and API")
	f.StringVar(&o.config.Collector.OTLP.GRPC.Endpoint, "otlp-grpc", o.config.Collector.OTLP.GRPC.Endpoint, "with --run: address of OTLP over gRPC")
	f.StringVar(&o.config.Collector.OTLP.HTTP.Endpoint, "otlp-http", o.config.Collector.OTLP.HTTP.Endpoint, "with --run: address of OTLP over HTTP")
	return cmd
}

// credentials are what the receiver is shown, and how it is known.
func (o *demoOptions) credentials() (err error) {
	if o.Token, err = o.shown.secret(); err != nil {
		return err
	}
	if !o.tls && !o.shown.tls.Set() {
		return nil
	}
	if problems := o.shown.tls.Validate(); len(problems) > 0 {
		return fmt.Errorf("--tls-ca, --tls-cert, --tls-key: %w", errors.Join(problems...))
	}
	o.TLS, err = o.shown.tls.Config(slog.New(slog.DiscardHandler))
	return err
}

func (o *demoOptions) start(ctx context.Context) error {
	if err := o.Validate(); err != nil {
		return err
	}
	if o.length > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, o.length)
		defer cancel()
	}
	if !o.run {
		return demo.Run(ctx, o.Options)
	}
	o.OTLP = o.config.Collector.OTLP.GRPC.Endpoint
	server, err := startServer(ctx, o.config)
	if err != nil {
		return err
	}
	o.greet()
	// The shop closes first: clew takes what the shop and the agent send last.
	shop, end := context.WithCancel(ctx)
	defer end()
	context.AfterFunc(server.ended, end)
	var agent *childServer
	if o.agent {
		if agent, err = startChild("agent", "--log-level", "warn", "--collector", o.OTLP, "--data", o.config.Data+"-agent"); err != nil {
			return errors.Join(err, server.stop())
		}
	}
	err = demo.Run(shop, o.Options)
	if agent != nil {
		err = errors.Join(err, agent.stop())
	}
	return errors.Join(err, server.stop())
}

// greet says where to look.
func (o *demoOptions) greet() {
	ui := "http://" + o.config.HTTP
	server := ""
	if o.config.HTTP != DefaultConfig().HTTP {
		server = " --server " + ui
	}
	first := demo.Faults[0]
	if f := o.Faults; len(f) > 0 {
		for _, x := range demo.Faults {
			if x.Name == f[0] {
				first = x
			}
		}
	}
	fmt.Fprintf(o.Out, `
clew    %s   (data in %s; Ctrl-C ends clew and the shop)

Three things to try:
  1. Open %s: spans and logs of thirteen services arrive.
  2. Search %s for what the fault %s leaves behind, and open a trace:
       %s
  3. Follow the errors in the terminal, and draw a trace of one:
       %s grep -f --where 'severity>=error'%s
       %s trace%s ID
docs/demo.md tells what each fault shows.

`, ui, o.config.Data, ui, first.Signal, first.Name, first.Query, os.Args[0], server, os.Args[0], server)
}

// childServer is a clew started by this one, a server or an agent.
type childServer struct {
	process *os.Process
	ended   context.Context // done when the process has ended
	err     error           // then: how
	asked   bool            // to end
}

// startServer starts `clew run` and waits until it is ready.
func startServer(ctx context.Context, cfg Config) (*childServer, error) {
	// Whoever has the port would answer in the place of the clew that we start.
	for _, address := range []string{cfg.HTTP, cfg.Collector.OTLP.GRPC.Endpoint, cfg.Collector.OTLP.HTTP.Endpoint} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return nil, fmt.Errorf("%w (is another clew running? `clew demo` without --run sends to it)", err)
		}
		l.Close()
	}
	s, err := startChild("run", "--log-level", "warn", "--data", cfg.Data, "--http", cfg.HTTP, "--otlp-grpc", cfg.Collector.OTLP.GRPC.Endpoint, "--otlp-http", cfg.Collector.OTLP.HTTP.Endpoint)
	if err != nil {
		return nil, err
	}
	if err := s.waitReady(ctx, cfg.HTTP); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}

// startChild starts this program with other arguments. It has a process group of its own: an interrupt of the terminal reaches the shop only, which
// ends it when everything is sent; and it dies with us, however we die.
func startChild(args ...string) (*childServer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	ended, end := context.WithCancel(context.Background())
	s, started := &childServer{ended: ended}, make(chan error)
	go func() {
		// Pdeathsig is sent when the thread that forked ends; this one lives as long as the child.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		s.process = cmd.Process
		started <- err
		if err == nil {
			s.err = cmd.Wait()
			end()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start clew %s: %w", args[0], err)
	}
	return s, nil
}

func (s *childServer) waitReady(ctx context.Context, address string) error {
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/readyz", nil)
		if err != nil {
			return err
		}
		if res, err := http.DefaultClient.Do(req); err == nil {
			_, _ = io.Copy(io.Discard, res.Body) // so that the connection is used again
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-s.ended.Done():
			return errors.New("clew did not start")
		case <-ctx.Done():
			return nil // interrupted; not a failure
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// stop asks clew to end and waits.
func (s *childServer) stop() error {
	if s.ended.Err() == nil {
		s.asked = true
		if err := s.process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		select {
		case <-s.ended.Done():
		case <-time.After(30 * time.Second):
			_ = s.process.Kill() // fails only if it has ended
			return errors.New("clew did not end within 30 s and was killed")
		}
	}
	if s.err != nil {
		return fmt.Errorf("clew ended: %w", s.err)
	}
	if !s.asked {
		return errors.New("clew ended by itself")
	}
	return nil
}
