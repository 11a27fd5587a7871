package faults

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"

	"clew/internal/harness"
	"clew/internal/ledger"
	"clew/query/api"
)

// Checker sends numbered records and remembers which were acknowledged, asks how many there are, and reads them back.
type Checker struct {
	collectors []*url.URL
	readers    func() []*harness.Process // as they are now: one that was killed is another process later
	rate       int                       // records a second, of all senders

	next     atomic.Int64 // number of the next record
	attempts atomic.Int64 // requests that were not acknowledged
	mu       sync.Mutex
	acks     []ack
	answers  []answer
	unacked  map[int64]bool // first records of batches that never were
	errs     []error        // what must not happen at all
}

// ack is an acknowledgement: since then so many records are promised.
type ack struct {
	at    time.Time
	total int
}

// answer is what a query process said. Whole answers have neither an error nor a reason.
type answer struct {
	from         string
	asked, heard time.Time
	count        int
	partial      string // the first reason
	err          error
}

func (a *answer) whole() bool { return a.err == nil && a.partial == "" }

// NewChecker sends to collectors, host:port, by turns.
func NewChecker(collectors []string, readers func() []*harness.Process, rate int) *Checker {
	c := &Checker{readers: readers, rate: rate, unacked: map[int64]bool{}}
	for _, host := range collectors {
		c.collectors = append(c.collectors, &url.URL{Scheme: "http", Host: host, Path: "/v1/logs"})
	}
	return c
}

func (c *Checker) fail(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// Send sends until stop is closed and at least so many records are acknowledged. What was begun is sent until it is acknowledged, or ctx ends.
func (c *Checker) Send(ctx context.Context, atLeast int, stop <-chan struct{}) {
	var wg sync.WaitGroup
	pace := time.Duration(float64(time.Second) * batchRecords * sources / float64(c.rate))
	for i := range sources {
		wg.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: sendTimeout}
			defer client.CloseIdleConnections()
			ticker := time.NewTicker(pace)
			defer ticker.Stop()
			for seq := uint64(1); ctx.Err() == nil; seq++ {
				select {
				case <-stop:
					if int(c.next.Load()) >= atLeast {
						return
					}
				default:
				}
				c.batch(ctx, client, i, seq)
				select {
				case <-ticker.C:
				case <-ctx.Done():
				}
			}
		})
	}
	wg.Wait()
}

// batch sends one batch until it is acknowledged.
func (c *Checker) batch(ctx context.Context, client *http.Client, source int, seq uint64) {
	first := c.next.Add(batchRecords) - batchRecords
	body := body(source, first)
	for attempt := 0; ctx.Err() == nil; attempt++ {
		to := c.collectors[(source+attempt)%len(c.collectors)]
		status, text, err := post(ctx, client, to, source, seq, body)
		switch {
		case err == nil && status == http.StatusOK:
			c.mu.Lock()
			total := batchRecords
			if len(c.acks) > 0 {
				total += c.acks[len(c.acks)-1].total
			}
			c.acks = append(c.acks, ack{time.Now(), total})
			c.mu.Unlock()
			return
		case err == nil && status == http.StatusBadRequest:
			c.giveUp(first, fmt.Errorf("refused for good: %s", text))
			return
		}
		c.attempts.Add(1)
		select {
		case <-time.After(retryAfter):
		case <-ctx.Done():
		}
	}
	c.giveUp(first, ctx.Err())
}

func (c *Checker) giveUp(first int64, err error) {
	c.fail("records from %d on were never acknowledged: %w", first, err)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unacked[first] = true
}

func post(ctx context.Context, client *http.Client, to *url.URL, source int, seq uint64, body []byte) (status int, text []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, to.String(), bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/x-protobuf")
	req.Header.Set(ledger.SourceHeader, fmt.Sprintf("checker-%d/logs", source))
	req.Header.Set(ledger.SeqHeader, strconv.FormatUint(seq, 10))
	res, err := client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	text, err = io.ReadAll(res.Body)
	if res.StatusCode == http.StatusOK {
		err = nil // the status line is the acknowledgement, whether or not the rest arrived
	}
	return res.StatusCode, text, err
}

// body is a batch of records whose bodies end with their numbers. Ten records are of one trace, which spreads a batch over all shards.
func body(source int, first int64) []byte {
	ld := plog.NewLogs()
	rl := ld.ResourceLogs().AppendEmpty()
	rl.Resource().Attributes().PutStr("service.name", "checker")
	rl.Resource().Attributes().PutStr("service.instance.id", strconv.Itoa(source))
	records := rl.ScopeLogs().AppendEmpty().LogRecords()
	records.EnsureCapacity(batchRecords)
	now := time.Now()
	for i := range int64(batchRecords) {
		r := records.AppendEmpty()
		r.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(time.Duration(i))))
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		number := first + i
		var trace pcommon.TraceID
		binary.BigEndian.PutUint64(trace[:], (uint64(number/10)+1)*0x9e3779b97f4a7c15)
		r.SetTraceID(trace)
		r.Body().SetStr(fmt.Sprintf("user%d asked for page %d and got it after %d ms, record %d", number%97, number%1009, number%53, number))
	}
	data, err := plogotlp.NewExportRequestFromLogs(ld).MarshalProto()
	if err != nil {
		panic(err) // pdata we made ourselves
	}
	return data
}

const everything = "service:checker"

// Ask asks all query processes how many records there are, again and again until ctx ends.
func (c *Checker) Ask(ctx context.Context) {
	var wg sync.WaitGroup
	readers := c.readers() // their addresses stay
	for i := range readers {
		wg.Go(func() {
			for ctx.Err() == nil {
				a := c.count(ctx, readers[i])
				a.from = fmt.Sprintf("query-%d", i+1)
				if ctx.Err() != nil {
					return
				}
				c.mu.Lock()
				c.answers = append(c.answers, a)
				c.mu.Unlock()
				select {
				case <-time.After(askEvery):
				case <-ctx.Done():
				}
			}
		})
	}
	wg.Wait()
}

func (c *Checker) count(ctx context.Context, p *harness.Process) answer {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	a := answer{asked: time.Now()}
	var count api.Count
	a.err = p.Get(ctx, "/api/v1/count", url.Values{"signal": {"logs"}, "query": {everything}}, &count)
	a.heard, a.count = time.Now(), int(count.Count)
	if count.Stats.Partial {
		a.partial = "partial"
		if len(count.Stats.Reasons) > 0 {
			a.partial = count.Stats.Reasons[0]
		}
	}
	return a
}

// Acknowledged is how many records were.
func (c *Checker) Acknowledged() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.acks) == 0 {
		return 0
	}
	return c.acks[len(c.acks)-1].total
}

// Settle waits until every query process gives a whole answer with all that is acknowledged.
func (c *Checker) Settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, settleMax)
	defer cancel()
	for _, p := range c.readers() {
		for {
			a := c.count(ctx, p)
			if a.whole() && a.count >= c.Acknowledged() {
				break
			}
			select {
			case <-time.After(askEvery):
			case <-ctx.Done():
				return fmt.Errorf("%s finds %d of %d records (partial: %q; error: %w)", p.HTTP, a.count, c.Acknowledged(), a.partial, a.err)
			}
		}
	}
	return nil
}
