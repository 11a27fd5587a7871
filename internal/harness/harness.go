// Package harness runs real clew processes for end-to-end tests and benchmarks: it starts one on free loopback ports, kills it, restarts it on the same
// data, and reads what the kernel says it used.
package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options say how to run clew.
type Options struct {
	Binary string
	Data   string
	Config string   // YAML, optional
	Args   []string // further flags
	Log    io.Writer
}

// Process is a running clew. The addresses are as given to its flags.
type Process struct {
	HTTP, GRPC, OTLP string // host:port
	Data             string
	ready            string // path that answers 200 when it serves
	cmd              *exec.Cmd
	done             chan struct{}
	waitErr          error
	output           *tail
}

// Build builds the clew binary of the module that holds the working directory, into dir.
func Build(dir string) (string, error) {
	out := filepath.Join(dir, "clew")
	cmd := exec.Command("go", "build", "-o", out, "clew/cmd/clew")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build clew: %w\n%s", err, text)
	}
	return out, nil
}

// Start runs clew and returns when the process has been started; use WaitReady before talking to it.
func Start(o Options) (*Process, error) {
	ports, err := FreePorts(3)
	if err != nil {
		return nil, err
	}
	p := &Process{HTTP: ports[0], GRPC: ports[1], OTLP: ports[2], Data: o.Data, ready: "/readyz"}
	args := []string{"run", "--data", o.Data, "--http", p.HTTP, "--otlp-grpc", p.GRPC, "--otlp-http", p.OTLP}
	if o.Config != "" {
		file := filepath.Join(filepath.Dir(o.Data), filepath.Base(o.Data)+".yaml")
		if err := os.WriteFile(file, []byte(o.Config), 0o600); err != nil {
			return nil, err
		}
		args = append(args, "--config", file)
	}
	return p, p.start(o.Binary, append(args, o.Args...), o.Log)
}

// StartOther runs another server than clew, to be measured as clew is: one that serves everything at http, host:port, and answers 200 at the path ready
// when it does. OTLP is an address and the path before /v1.
func StartOther(binary string, args []string, data, http, otlp, ready string) (*Process, error) {
	p := &Process{HTTP: http, OTLP: otlp, Data: data, ready: ready}
	return p, p.start(binary, args, nil)
}

func (p *Process) start(binary string, args []string, log io.Writer) error {
	p.done, p.output = make(chan struct{}), &tail{to: log}
	p.cmd = exec.Command(binary, args...)
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	// The child must not outlive a test process that is killed.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", filepath.Base(binary), err)
	}
	go func() {
		p.waitErr = p.cmd.Wait()
		close(p.done)
	}()
	return nil
}

// WaitReady waits until clew has replayed its log and serves.
func (p *Process) WaitReady(timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	for {
		res, err := http.Get("http://" + p.HTTP + p.ready)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("%s: %s", p.ready, res.Status)
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w\n%s", p.name(), p.waitErr, p.output.String())
		default:
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%s is not ready after %v: %w\n%s", p.name(), timeout, err, p.output.String())
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *Process) name() string { return filepath.Base(p.cmd.Path) }

// Kill ends the process with SIGKILL and waits for its end.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // fails only if it has ended
	<-p.done
}

// Pause stops the process where it is (SIGSTOP); Resume lets it go on.
func (p *Process) Pause() error { return p.cmd.Process.Signal(syscall.SIGSTOP) }

// Resume ends a Pause.
func (p *Process) Resume() error { return p.cmd.Process.Signal(syscall.SIGCONT) }

// Hangup tells the process that its configuration file has changed (SIGHUP).
func (p *Process) Hangup() error { return p.cmd.Process.Signal(syscall.SIGHUP) }

// Stop asks the process to end and waits; it is killed after the timeout.
func (p *Process) Stop(timeout time.Duration) error {
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return p.waitErr
	case <-time.After(timeout):
		p.Kill()
		return fmt.Errorf("clew did not end within %v\n%s", timeout, p.output.String())
	}
}

// Running says whether the process still runs.
func (p *Process) Running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Output is the last of what the process has printed.
func (p *Process) Output() string { return p.output.String() }

// Get asks the API and decodes the JSON answer; an answer other than a success is an error with its text.
func (p *Process) Get(ctx context.Context, path string, params url.Values, into any) error {
	return p.do(ctx, http.MethodGet, path+"?"+params.Encode(), into)
}

// Post posts nothing to path.
func (p *Process) Post(ctx context.Context, path string, into any) error {
	return p.do(ctx, http.MethodPost, path, into)
}

func (p *Process) do(ctx context.Context, method, path string, into any) error {
	req, err := http.NewRequestWithContext(ctx, method, "http://"+p.HTTP+path, nil)
	if err != nil {
		return err
	}
	if method != http.MethodGet {
		req.Header.Set("X-Clew-Request", "1")
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s: %s", method, path, res.Status, body)
	}
	if into == nil {
		return nil
	}
	return json.Unmarshal(body, into)
}

// CPU is the user and system time the process has used.
func (p *Process) CPU() (time.Duration, error) { return CPUOf(p.cmd.Process.Pid) }

// CPUOf is CPU of any process.
func CPUOf(pid int) (time.Duration, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The command's name, in parentheses, may hold blanks; utime and stime are the 14th and 15th fields.
	_, rest, _ := bytes.Cut(data, []byte(") "))
	fields := strings.Fields(string(rest))
	var ticks int64
	for _, f := range fields[11:13] {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	const ticksPerSecond = 100 // USER_HZ, fixed by Linux's interface
	return time.Duration(ticks) * time.Second / ticksPerSecond, nil
}

// PeakBytes is the largest resident memory so far (VmHWM).
func (p *Process) PeakBytes() (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.Fields(v)[0], 10, 64)
			return kb << 10, err
		}
	}
	return 0, errors.New("no VmHWM")
}

// DirBytes is what a directory takes on disk, in allocated blocks.
func DirBytes(dir string) (int64, error) {
	var sum int64
	err := filepath.Walk(dir, func(_ string, info os.FileInfo, err error) error {
		if err != nil {
			if errors.Is(err, os.ErrNotExist) { // removed while walking
				return nil
			}
			return err
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok && !info.IsDir() {
			sum += s.Blocks * 512
		}
		return nil
	})
	return sum, err
}

// tail keeps the last output.
type tail struct {
	mu   sync.Mutex
	data []byte
	to   io.Writer
}

const tailBytes = 64 << 10

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.data = append(t.data, p...)
	if len(t.data) > 2*tailBytes {
		t.data = append(t.data[:0], t.data[len(t.data)-tailBytes:]...)
	}
	if t.to != nil {
		return t.to.Write(p)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.data)
}
