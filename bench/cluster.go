package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"clew/internal/clustertest"
	"clew/internal/harness"
	"clew/internal/natstest"
	"clew/internal/s3test"
)

// What a record costs in a cluster, by who pays for it: the figures that docs/scale.md multiplies.

const (
	bucketName = "bench"
	// sealedWithin bounds the wait for the last seal.
	sealedWithin = 2 * time.Minute
	// beatSeconds is how long a cluster without load is watched: what it takes then is subtracted.
	beatSeconds = 5
)

// clusterRun is a cluster under measurement.
type clusterRun struct {
	*clustertest.Cluster
	dir     string
	gateway *exec.Cmd
}

// measureCluster measures log records and spans through three NATS servers, an S3 server, and a process for each role.
func (o *options) measureCluster() error {
	for _, c := range []corpus{newLogs(o.scaled(logsFull)), newSpans(o.scaled(spansFull))} {
		if o.only != "" && o.only != c.signal() {
			continue
		}
		if err := o.measureClusterOf(c); err != nil {
			return fmt.Errorf("%s: %w", c.signal(), err)
		}
	}
	return nil
}

func (o *options) measureClusterOf(c corpus) error {
	r, err := o.startCluster(filepath.Join(o.data, c.signal()))
	if err != nil {
		return err
	}
	defer r.stop()
	idle, err := r.cpu()
	if err != nil {
		return err
	}
	time.Sleep(beatSeconds * time.Second)
	before, err := r.cpu()
	if err != nil {
		return err
	}
	began := time.Now()
	out, err := send(r.Of("collector")[0], c, o.clients)
	if err != nil {
		return err
	}
	if err := r.sealAll(); err != nil {
		return err
	}
	after, err := r.cpu()
	if err != nil {
		return err
	}
	seconds := time.Since(began).Seconds()
	fmt.Fprintf(o.out, "\n%s in a cluster of %d shards: %d records of %.0f bytes in %.1f s\n", c.signal(), o.shards, out.records, float64(out.wire)/float64(out.records), seconds)
	total := 0.0
	for _, who := range []string{"collector", "ingest", "query", "nats", "s3"} {
		beat := (before[who] - idle[who]).Seconds() / beatSeconds
		spent := max(0, (after[who]-before[who]).Seconds()-beat*seconds)
		total += spent
		fmt.Fprintf(o.out, "  %-10s %6.2f us of CPU a record, %5.1f %% of a core without load\n", who, spent/float64(out.records)*1e6, beat*100)
	}
	fmt.Fprintf(o.out, "  %-10s %6.2f us of CPU a record\n", "all", total/float64(out.records)*1e6)
	return r.tell(o, out)
}

// tell prints what is not CPU: bytes in the log and in segments, requests to the store, memory.
func (r *clusterRun) tell(o *options, out sent) error {
	collected, err := metricsOf(r.Of("collector")[0])
	if err != nil {
		return err
	}
	n := float64(out.records)
	fmt.Fprintf(o.out, "  log: %.1f bytes a record (times three replicas), %.0f messages\n", collected.sum("clew_log_append_bytes_total")/n, collected.sum("clew_log_append_seconds_count"))
	stored, err := harness.DirBytes(filepath.Join(r.dir, bucketName))
	if err != nil {
		return err
	}
	fmt.Fprintf(o.out, "  object store: %.1f bytes a record\n", float64(stored)/n)
	for _, role := range []string{"collector", "ingest", "query"} {
		for _, p := range r.Of(role) {
			m, err := metricsOf(p)
			if err != nil {
				return err
			}
			peak, err := p.PeakBytes()
			if err != nil {
				return err
			}
			fmt.Fprintf(o.out, "  %s: peak memory %.0f MB; requests to the store: %s\n", role, float64(peak)/1e6, m.by("clew_store_requests_total", "op"))
		}
	}
	return nil
}

func (o *options) startCluster(dir string) (*clusterRun, error) {
	r := &clusterRun{dir: filepath.Join(dir, "s3")}
	if err := os.MkdirAll(filepath.Join(r.dir, bucketName), 0o750); err != nil {
		return nil, err
	}
	address, err := r.startGateway()
	if err != nil {
		return nil, err
	}
	r.Cluster, err = clustertest.Start(clustertest.Options{
		Dir: dir, Binary: o.binary, Shards: o.shards, NATS: natstest.Options{Servers: 3}, Roles: map[string]int{"collector": 1, "ingest": 1, "query": 1},
		Store: "s3://" + bucketName + "/clew?region=us-east-1&endpoint=http://" + address,
		// Each shard's log holds all that is sent.
		Config: "remote: {cache_bytes: 1073741824}\n",
	})
	if err != nil {
		r.stop()
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyWithin)
	defer cancel()
	if _, err := r.WaitOwned(ctx, r.Of("query")[0], nil); err != nil {
		r.stop()
		return nil, err
	}
	return r, nil
}

// startGateway starts an S3 server on the directory.
func (r *clusterRun) startGateway() (address string, err error) {
	path, err := s3test.Binary()
	if err != nil {
		return "", err
	}
	ports, err := harness.FreePorts(1)
	if err != nil {
		return "", err
	}
	address = ports[0]
	// The client takes its keys from the environment, as does the gateway.
	for key, value := range map[string]string{"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "benchbench", "ROOT_ACCESS_KEY_ID": "bench", "ROOT_SECRET_ACCESS_KEY": "benchbench"} {
		if err := os.Setenv(key, value); err != nil {
			return "", err
		}
	}
	r.gateway = exec.Command(path, "--port", address, "--quiet", "--keep-alive", "posix", r.dir)
	r.gateway.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := r.gateway.Start(); err != nil {
		return "", err
	}
	deadline := time.Now().Add(readyWithin)
	for {
		if c, err := net.Dial("tcp", address); err == nil {
			return address, c.Close()
		}
		if time.Now().After(deadline) {
			return "", errors.New("versitygw does not answer")
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (r *clusterRun) stop() {
	if r.Cluster != nil {
		r.Kill()
	}
	if r.gateway != nil {
		_ = r.gateway.Process.Kill() // fails only if it has ended
		_ = r.gateway.Wait()         // says that it was killed
	}
}

// sealAll has everything that was sent put into segments, and waits until the query process knows of them.
func (r *clusterRun) sealAll() error {
	ctx, cancel := context.WithTimeout(context.Background(), sealedWithin)
	defer cancel()
	for {
		if err := r.Of("ingest")[0].Post(ctx, "/api/v1/admin/seal", nil); err != nil {
			return err
		}
		status, err := r.Status(ctx, r.Of("query")[0])
		if err != nil {
			return err
		}
		left := uint64(0)
		for _, s := range status.List {
			left += s.Last - min(s.Last, s.Floor)
		}
		if left == 0 {
			return nil
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// cpu is what each part has used so far.
func (r *clusterRun) cpu() (map[string]time.Duration, error) {
	used := map[string]time.Duration{}
	for _, role := range []string{"collector", "ingest", "query"} {
		for _, p := range r.Of(role) {
			d, err := p.CPU()
			if err != nil {
				return nil, err
			}
			used[role] += d
		}
	}
	pids := map[int]string{r.gateway.Process.Pid: "s3"}
	for _, s := range r.NATS.Servers {
		pids[s.PID()] = "nats"
	}
	for pid, who := range pids {
		d, err := harness.CPUOf(pid)
		if err != nil {
			return nil, err
		}
		used[who] += d
	}
	return used, nil
}

// samples are the lines of a /metrics page: name and labels, and the value.
type samples map[string]float64

func metricsOf(p *harness.Process) (samples, error) {
	res, err := http.Get("http://" + p.HTTP + "/metrics")
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	all := samples{}
	lines := bufio.NewScanner(io.LimitReader(res.Body, 64<<20))
	for lines.Scan() {
		series, text, ok := cutLast(lines.Text(), ' ')
		if v, err := strconv.ParseFloat(text, 64); ok && err == nil {
			all[series] = v
		}
	}
	return all, lines.Err()
}

func cutLast(s string, sep byte) (before, after string, found bool) {
	i := strings.LastIndexByte(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

// sum adds all series of a name.
func (s samples) sum(name string) (total float64) {
	for series, v := range s {
		if series == name || strings.HasPrefix(series, name+"{") {
			total += v
		}
	}
	return total
}

// by adds them by a label.
func (s samples) by(name, label string) string {
	sums := map[string]float64{}
	for series, v := range s {
		if rest, ok := strings.CutPrefix(series, name+"{"); ok {
			_, value, _ := strings.Cut(rest, label+`="`)
			value, _, _ = strings.Cut(value, `"`)
			sums[value] += v
		}
	}
	return fmt.Sprint(sums)
}
