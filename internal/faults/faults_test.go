package faults

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"clew/internal/harness"
	"clew/internal/natstest"
	"clew/internal/s3test"
)

var (
	records = flag.Int("records", 0, "records that each run sends at least; 0: a short form of some faults")
	rate    = flag.Int("rate", 20_000, "records a second")
	built   = flag.String("clew", "", "a built clew; empty: it is built")
	brief   = flag.Bool("brief", false, "faults last as short as they can, to see that all of them can be had, one after the other: no measurement")
	table   = flag.String("table", "", "a `file` in whose table each run replaces its row")
)

// inside marks the process that has namespaces of its own. It names where the binaries are.
const inside = "CLEW_FAULTS_INSIDE"

// TestMain runs the tests in a process of their own, whose network and mounts are nobody else's and end with it.
func TestMain(m *testing.M) {
	flag.Parse()
	if *brief {
		held, coolDown = briefHeld, shortCoolDown
	}
	if os.Getenv(inside) != "" || os.Geteuid() != 0 || testing.Short() {
		os.Exit(m.Run())
	}
	code, err := outside()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func outside() (code int, err error) {
	dir, err := os.MkdirTemp("", "clew-faults-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if *built != "" {
		err = os.Symlink(*built, filepath.Join(dir, "clew"))
	} else {
		_, err = harness.Build(dir)
	}
	if err != nil {
		return 1, err
	}
	if _, err := natstest.Build(dir); err != nil {
		return 1, err
	}
	// The S3 server is built into Go's cache while there is a network.
	if err := s3test.Build(); err != nil {
		return 1, err
	}
	cmd := exec.Command(os.Args[0], os.Args[1:]...)
	cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdout, os.Stderr, append(os.Environ(), inside+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	err = cmd.Run()
	if cmd.ProcessState != nil && cmd.ProcessState.ExitCode() > 0 {
		return cmd.ProcessState.ExitCode(), nil
	}
	return 0, err
}

// theNetwork is made once: the hosts are the same in all runs.
var theNetwork = sync.OnceValues(func() (*room, error) {
	m := &room{Network: NewNetwork(), machines: machines{}}
	if _, err := m.AddSelf(hosts["checker"], hosts["store"]); err != nil {
		return nil, err
	}
	for name, number := range hosts {
		if name == "checker" || name == "store" {
			continue
		}
		h, err := m.Add(number)
		if err != nil {
			return nil, err
		}
		m.machines[name] = h
	}
	return m, nil
})

// room is a network and the machines that are on it.
type room struct {
	*Network
	machines
}

// theMachines is theNetwork where there can be one.
func theMachines(t *testing.T) *room {
	t.Helper()
	if os.Getenv(inside) == "" {
		t.Skip("without root there are no network namespaces, and with -short no clusters")
	}
	if _, err := os.Stat("/dev/net/tun"); err != nil {
		t.Skipf("no network of ours without TUN devices: %v", err)
	}
	m, err := theNetwork()
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// TestFaults breaks a cluster in each way. Nothing acknowledged is lost, nothing is there twice, and answers say what they lack.
func TestFaults(t *testing.T) {
	m := theMachines(t)
	for _, f := range Faults {
		t.Run(strings.NewReplacer(" ", "_", ",", "").Replace(f.Name), func(t *testing.T) {
			if *records == 0 && !f.Short {
				t.Skip("part of the long form: make soak")
			}
			row, errs := experiment(t, m, &f)
			t.Logf("\n%s\n%s\n%s %s", Header, row, row.Reason, row.Note)
			for _, err := range errs {
				t.Error(err)
			}
			if *table != "" {
				if err := row.WriteTo(*table); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// experiment is one run: some load, the fault under load, load until there are enough records, and then everything is read back.
func experiment(t *testing.T, m *room, f *Fault) (*Row, []error) {
	dir := os.Getenv(inside)
	c := NewCluster(t, m.Network, m.machines, Binaries{Clew: filepath.Join(dir, "clew"), NATS: filepath.Join(dir, "natsserver")})
	c.oneNode = f.OneNode
	if f.Before != nil {
		f.Before(t, c)
	}
	t.Cleanup(func() {
		m.Heal()
		if t.Failed() {
			c.dumpOutput()
		}
	})
	if err := c.Run(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	speed, after := *rate, coolDown
	if *records == 0 {
		speed, after = shortRate, shortCoolDown
	}
	var collectors []string
	for _, p := range c.Of("collector") {
		collectors = append(collectors, p.OTLP)
	}
	checker := NewChecker(collectors, func() []*harness.Process { return c.Of("query") }, speed)
	busy := busyNow()
	r := &Run{Cluster: c, Checker: checker}
	stop := make(chan struct{})
	var sending, asking sync.WaitGroup
	sending.Go(func() { checker.Send(ctx, *records, stop) })
	askCtx, stopAsking := context.WithCancel(ctx)
	asking.Go(func() { checker.Ask(askCtx) })
	time.Sleep(warmUp)

	if err := f.Do(askCtx, r); err != nil {
		t.Fatalf("%s: %v", f.Name, err)
	}
	time.Sleep(after)
	close(stop)
	sending.Wait()
	settled := checker.Settle(ctx)
	end := time.Now()
	stopAsking()
	asking.Wait()

	row := &Row{Fault: f.Name, Acknowledged: checker.Acknowledged(), Attempts: int(checker.attempts.Load()), Note: r.note}
	if r.failover != nil {
		row.Failover = <-r.failover
	}
	if !r.healed.IsZero() {
		row.Lasted = r.healed.Sub(r.injected)
	}
	row.Busy = busyNow().since(busy)
	checker.measure(row, r.injected, end)
	t.Log(strings.Join(checker.Said(r.injected), "\n"))
	if settled != nil {
		checker.fail("not everything is there: %w", settled)
	}
	if r.flipped {
		n, err := c.damagedRead(ctx)
		if err != nil {
			t.Fatal(err)
		}
		row.Note += fmt.Sprintf("; owners have met %d damaged messages", n)
	}
	row.Found = readBack(ctx, t, checker, c.Of("query")[0])
	if err := r.newcomer(ctx); err != nil {
		checker.fail("%w", err)
	}
	return row, checker.check(row)
}

// newcomer starts a query process in the running cluster: the first thing that it answers once it is ready is whole. It used to be ready before it had heard of any owner.
func (r *Run) newcomer(ctx context.Context) error {
	if r.oneNode {
		return nil
	}
	// A shard that is handed over to an owner that has just come back would be named, rightly. Where not both own half of the shards in the end nothing is handed over either.
	_ = r.waitShared(sharedMax)
	r.Processes["query-2"].Kill()
	if err := r.Launch("query-2"); err != nil {
		return err
	}
	p := r.Processes["query-2"]
	if err := p.WaitReady(time.Minute); err != nil {
		return err
	}
	a := r.Checker.count(ctx, p)
	if a.err != nil {
		return fmt.Errorf("ask a query process that is ready: %w", a.err)
	}
	if !a.whole() || a.count < r.Checker.Acknowledged() {
		return fmt.Errorf("a query process that is ready finds %d of %d records (partial: %q)", a.count, r.Checker.Acknowledged(), a.partial)
	}
	return nil
}

// readBack reads everything, again when that breaks off because a shard changes hands.
func readBack(ctx context.Context, t *testing.T, c *Checker, p *harness.Process) Found {
	for attempt := 1; ; attempt++ {
		found, err := c.ReadBack(ctx, p)
		if err == nil {
			return found
		}
		if attempt == readBacksMax {
			t.Fatal(err)
		}
		t.Log(err)
		time.Sleep(held)
	}
}

const (
	readBacksMax = 3

	warmUp = 3 * time.Second

	shortRate, shortCoolDown = 5000, 3 * time.Second
	// briefHeld is just longer than a lease.
	briefHeld = 8 * time.Second
)

var coolDown = 10 * time.Second
