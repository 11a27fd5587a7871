// Command agent measures what a real `clew agent` costs its host: its default configuration, a real clew that it ships to, log files that are
// written line by line at a steady rate, and spans of applications with the stock SDK. Writers and clew are processes of their own, so
// what the kernel says of the agent is the agent's. In the end every line and span has to be found.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"clew/internal/harness"
)

// Targets: what an agent may cost at the default rates.
const (
	cpuTarget    = 3.0 // percent of a core
	memoryTarget = 150 // MB resident
)

type options struct {
	binary       string
	lines, spans int // a second
	files, apps  int
	length, warm time.Duration
	profile      string
	config       string
	out          io.Writer
}

func main() {
	o := options{out: os.Stdout}
	flag.StringVar(&o.binary, "clew", "bin/clew", "the binary to measure")
	flag.IntVar(&o.lines, "lines", 2000, "log lines a second, over all files")
	flag.IntVar(&o.spans, "spans", 200, "spans a second, over all applications")
	flag.IntVar(&o.files, "files", 4, "log files")
	flag.IntVar(&o.apps, "apps", 5, "applications that send spans, each with the stock SDK's own batches")
	flag.DurationVar(&o.length, "for", time.Minute, "how long it is measured")
	flag.DurationVar(&o.warm, "warm", 10*time.Second, "how long it runs before")
	flag.StringVar(&o.profile, "profile", "", "write the agent's CPU profile (and its heap's) to files that begin so; profiling costs some of what is measured")
	flag.StringVar(&o.config, "config", "", "configuration merged over the agent's default, a YAML file")
	flag.Usage = func() {
		fmt.Fprint(flag.CommandLine.Output(), `Measures what a real agent costs its host at a steady rate, beside the targets.

  go run ./bench/agent                        2,000 lines and 200 spans a second for a minute
  go run ./bench/agent -lines 0 -spans 0      what it costs to watch an idle host
  go run ./bench/agent -for 20s -profile /tmp/agent

`)
		flag.PrintDefaults()
	}
	flag.Parse()
	if err := o.run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

func (o *options) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "clew-bench-agent-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	p, err := harness.Start(harness.Options{Binary: o.binary, Data: filepath.Join(dir, "data")})
	if err != nil {
		return err
	}
	defer p.Kill()
	if err := p.WaitReady(time.Minute); err != nil {
		return err
	}
	a, err := o.startAgent(dir, p.GRPC)
	if err != nil {
		return err
	}
	defer a.kill()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var written counts
	g, writing := errgroup.WithContext(ctx)
	g.Go(func() error { return o.writeLines(writing, filepath.Join(dir, "logs"), &written) })
	g.Go(func() error { return o.sendSpans(writing, a.otlp, &written) })
	used, measured := a.measure(ctx, o)
	stop()
	if err := errors.Join(g.Wait(), measured); err != nil {
		return fmt.Errorf("%w\n%s", err, a.log())
	}
	found, err := o.await(p, &written)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, a.log())
	}
	o.report(used, &written, found)
	return nil
}

// agent is a running `clew agent`.
type agent struct {
	cmd        *exec.Cmd
	http, otlp string // host:port
	output     string // a file
}

// startAgent runs the default configuration, which reads this host's logs too, with the bench's own beside them.
func (o *options) startAgent(dir, collector string) (*agent, error) {
	ports, err := harness.FreePorts(3)
	if err != nil {
		return nil, err
	}
	logs := filepath.Join(dir, "logs")
	if err := os.Mkdir(logs, 0o750); err != nil {
		return nil, err
	}
	text := fmt.Sprintf(`receivers:
  files/host: {include: [/var/log/**, %s/*.log]}
  otlp: {protocols: {grpc: {endpoint: %q}, http: {endpoint: %q}}}
`, logs, ports[0], ports[1])
	if o.config != "" {
		more, err := os.ReadFile(o.config)
		if err != nil {
			return nil, err
		}
		text = string(more) + text
	}
	file := filepath.Join(dir, "agent.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	a := &agent{http: ports[2], otlp: ports[0], output: filepath.Join(dir, "agent.txt")}
	out, err := os.Create(a.output)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	a.cmd = exec.Command(o.binary, "agent", "--collector", collector, "--data", filepath.Join(dir, "agent"), "--config", file, "--http", a.http)
	a.cmd.Stderr = out
	a.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := a.cmd.Start(); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(30 * time.Second); !strings.Contains(a.log(), "the agent collects"); {
		if time.Now().After(deadline) {
			a.kill()
			return nil, fmt.Errorf("the agent does not start\n%s", a.log())
		}
		time.Sleep(20 * time.Millisecond)
	}
	time.Sleep(1500 * time.Millisecond) // what is there at the first poll is history
	return a, nil
}

func (a *agent) kill() {
	_ = a.cmd.Process.Kill() // fails only if it has ended
	_ = a.cmd.Wait()         // it was killed
}

func (a *agent) log() string {
	text, _ := os.ReadFile(a.output) // it is only told
	return string(text)
}

func (o *options) report(u *usage, written *counts, found *counts) {
	verdict := func(ok bool) string {
		if ok {
			return "ok"
		}
		return "MISSED"
	}
	seconds := u.length.Seconds()
	cpu := 100 * (u.user + u.system).Seconds() / seconds
	fmt.Fprintf(o.out, "clew agent: %d lines and %d spans a second for %.0f s, %d files, %d applications, default configuration\n", o.lines, o.spans, seconds, o.files, o.apps)
	fmt.Fprintf(o.out, "  CPU        %5.2f %% of a core   target %.0f %%   %s   (user %.2f, system %.2f)\n", cpu, cpuTarget, verdict(cpu < cpuTarget), 100*u.user.Seconds()/seconds, 100*u.system.Seconds()/seconds)
	fmt.Fprintf(o.out, "  memory     %5.1f MB at most   target %d MB   %s   (%.1f MB its own, %.1f MB pages of files)\n", mb(u.peak), memoryTarget, verdict(mb(u.peak) < memoryTarget), mb(u.anonymous), mb(u.file))
	fmt.Fprintf(o.out, "  written    %d lines, %d spans; found %d and %d   %s\n", written.lines.Load(), written.spans.Load(), found.lines.Load(), found.spans.Load(),
		verdict(found.lines.Load() == written.lines.Load() && found.spans.Load() == written.spans.Load()))
	fmt.Fprintf(o.out, "  wrote      %.1f KB a second to disk in %.0f calls of write a second\n", float64(u.wroteBytes)/seconds/1024, float64(u.writes)/seconds)
}

func mb(n int64) float64 { return float64(n) / (1 << 20) }
