package faults

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"clew/internal/harness"
)

// metric adds up the series that a process's metrics have of a name.
func metric(ctx context.Context, p *harness.Process, name string) (sum float64, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.HTTP+"/metrics", nil)
	if err != nil {
		return 0, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, fmt.Errorf("metric %s: %w", name, err)
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return 0, fmt.Errorf("metric %s: %s", name, res.Status)
	}
	return sumOf(res.Body, name)
}

// sumOf adds up the series of a name. That there is none is an error: what is not counted would pass for none.
func sumOf(text io.Reader, name string) (sum float64, err error) {
	found := false
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		series, value, ok := strings.Cut(lines.Text(), " ")
		if base, _, _ := strings.Cut(series, "{"); !ok || base != name {
			continue
		}
		v, err := strconv.ParseFloat(value[strings.LastIndexByte(value, ' ')+1:], 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", name, err)
		}
		sum, found = sum+v, true
	}
	if err := lines.Err(); err != nil {
		return 0, fmt.Errorf("metric %s: %w", name, err)
	}
	if !found {
		return 0, fmt.Errorf("there is no metric %s", name)
	}
	return sum, nil
}

// waitClock waits until what a clew takes for now is wrong by so much, and says how long that took.
func (c *Cluster) waitClock(ctx context.Context, name string, offset time.Duration) (took time.Duration, err error) {
	for began := time.Now(); ; {
		seconds, err := metric(ctx, c.Processes[name], "clew_time_seconds")
		wrong := time.Duration((seconds - float64(time.Now().UnixNano())/1e9) * float64(time.Second))
		if err == nil && (wrong-offset).Abs() < clockSlack {
			return time.Since(began), nil
		}
		if time.Since(began) > askTimeout || ctx.Err() != nil {
			return 0, errors.Join(fmt.Errorf("the clock of %s is wrong by %v, and should be by %v", name, wrong, offset), err)
		}
		time.Sleep(askEvery)
	}
}

// damagedRead is how many messages of the log the owners of shards could not read, as far as those live that met them.
func (c *Cluster) damagedRead(ctx context.Context) (n int, err error) {
	for _, p := range c.Of("ingest") {
		damaged, err := metric(ctx, p, "clew_log_messages_damaged_total")
		if err != nil {
			return 0, err
		}
		n += int(damaged)
	}
	return n, nil
}
