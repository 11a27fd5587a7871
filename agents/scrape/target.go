package scrape

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"net/http"
	"strconv"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"go.opentelemetry.io/collector/pdata/pmetric"
	"go.uber.org/zap"
)

// target is one place that is scraped, with what is remembered of it. One goroutine has it.
type target struct {
	*place
	job     *Job
	client  *http.Client
	atOnce  chan struct{} // all targets share it
	logger  *zap.Logger
	agent   string // User-Agent
	history history
	failing bool
	left    bool // a series was left out, and that was said
}

// run scrapes until ctx ends; send gets what each scrape has. Targets are spread over the interval by where they are.
func (t *target) run(ctx context.Context, send func(context.Context, pmetric.Metrics)) {
	interval := time.Duration(t.job.Interval)
	h := fnv.New64a()
	_, _ = io.WriteString(h, t.key()) // never fails
	offset := time.Duration(h.Sum64() % uint64(interval))
	timer := time.NewTimer(offset)
	defer timer.Stop()
	for next := time.Now().Add(offset); ; {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		select {
		case <-ctx.Done():
			return
		case t.atOnce <- struct{}{}:
		}
		d := t.scrape(ctx, time.Now())
		<-t.atOnce
		if ctx.Err() != nil {
			return // what was cut off says nothing of the target
		}
		send(ctx, d)
		now := time.Now()
		for next = next.Add(interval); next.Before(now); {
			next = next.Add(interval) // what was missed is not made up for
		}
		timer.Reset(next.Sub(now))
	}
}

// scrape asks the target once. It always has something to say: whether the target is up, and which series are gone.
func (t *target) scrape(ctx context.Context, at time.Time) pmetric.Metrics {
	t.history.scrapes++
	ctx, cancel := context.WithTimeout(ctx, time.Duration(t.job.Timeout))
	defer cancel()
	began := time.Now()
	families, err := t.fetch(ctx)
	took := time.Since(began)
	b := newBatch(t.url, at)
	var n tally
	if err == nil {
		n, err = t.history.fill(b, t.job, t.place, families)
	}
	if err != nil {
		t.history.undo() // none of what was read counts: all series of before are gone
		b, n.added, n.kept = newBatch(t.url, at), 0, 0
	}
	t.tell(err, &n)
	for _, s := range t.history.gone() {
		b.end(s)
	}
	up := 1.0
	if err != nil {
		up = 0
	}
	for _, r := range []struct {
		name  string
		value float64
	}{
		{"up", up},
		{"scrape_duration_seconds", took.Seconds()},
		{"scrape_samples_scraped", float64(n.scraped)},
		{"scrape_samples_post_metric_relabeling", float64(n.kept)},
		{"scrape_series_added", float64(n.added)},
	} {
		b.number(&series{name: r.name, kind: gauge, labels: named(t.labels, r.name)}, r.value, b.at)
	}
	return b.metrics
}

// farewell says of all series that they are gone: nobody scrapes the target any more.
func (t *target) farewell(at time.Time) pmetric.Metrics {
	t.history.scrapes++
	b := newBatch(t.url, at)
	for _, s := range t.history.gone() {
		b.end(s)
	}
	for _, name := range []string{"up", "scrape_duration_seconds", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"} {
		b.end(&series{name: name, kind: gauge, labels: named(t.labels, name)})
	}
	return b.metrics
}

func named(ls labels.Labels, name string) labels.Labels {
	b := labels.NewBuilder(ls)
	b.Set(model.MetricNameLabel, name)
	return b.Labels()
}

// tell logs what changes.
func (t *target) tell(err error, n *tally) {
	switch {
	case err != nil && !t.failing:
		t.logger.Warn("a target cannot be scraped", zap.String("job", t.job.Name), zap.String("target", t.url), zap.Error(err))
	case err == nil && t.failing:
		t.logger.Info("a target is scraped again", zap.String("job", t.job.Name), zap.String("target", t.url))
	}
	t.failing = err != nil
	if n.bad != nil && !t.left {
		t.logger.Warn("series of a target are left out", zap.String("job", t.job.Name), zap.String("target", t.url), zap.Int("series", n.badCount), zap.Error(n.bad))
	}
	t.left = n.bad != nil
}

// fetch asks for the target's metrics.
func (t *target) fetch(ctx context.Context) ([]*dto.MetricFamily, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", acceptText)
	if t.job.Native {
		req.Header.Set("Accept", acceptNative)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	req.Header.Set("User-Agent", t.agent)
	req.Header.Set("X-Prometheus-Scrape-Timeout-Seconds", strconv.FormatFloat(time.Duration(t.job.Timeout).Seconds(), 'f', -1, 64))
	res, err := t.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers %s", res.Status)
	}
	var from io.Reader = res.Body
	if res.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(res.Body)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", err)
		}
		from = z
	}
	most := int64(t.job.BodyBytes)
	body, err := io.ReadAll(io.LimitReader(from, most+1))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	if int64(len(body)) > most {
		return nil, errors.New("the answer is larger than body_size_limit: " + t.job.BodyBytes.String())
	}
	return parse(body, res.Header.Get("Content-Type"))
}
