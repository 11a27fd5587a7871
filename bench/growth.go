package main

import (
	"fmt"
	"path/filepath"
)

// growthMax is how much more a record may cost, and a query take, at ten times the records.
const growthMax = 1.3

// growthTimes is how many times the records there are.
const growthTimes = 10

// measureGrowth compares log records at full scale with ten times as many.
func (o *options) measureGrowth() error {
	rare := make([]float64, 2)
	rate := make([]float64, 2)
	for i, n := range []int{o.scaled(logsFull), o.scaled(logsFull) * growthTimes} {
		c := newLogs(n)
		in, t, err := o.growthStep(c, filepath.Join(o.data, fmt.Sprint("logs-", n)))
		if err != nil {
			return fmt.Errorf("%d log records: %w", n, err)
		}
		rate[i], rare[i] = in.perSecond(), ms(t.median())
		fmt.Fprintf(o.out, "\n%s\n%.0f records per CPU-second, %.1f MB on disk, %.1f MB peak memory, count of a rare word %.2f ms (p95 %.2f)\n",
			in, rate[i], float64(in.disk)/1e6, float64(in.peak)/1e6, rare[i], ms(t.p95()))
	}
	verdict := func(ratio float64) string {
		if ratio > growthMax {
			return "MISS"
		}
		return "met"
	}
	cost, latency := rate[0]/rate[1], rare[1]/rare[0]
	fmt.Fprintf(o.out, "\n%d times the records: a record costs %.2f times as much (target <= %g, %s), a rare word takes %.2f times as long (target <= %g, %s)\n",
		growthTimes, cost, growthMax, verdict(cost), latency, growthMax, verdict(latency))
	return nil
}

func (o *options) growthStep(c *logs, data string) (*ingested, times, error) {
	p, err := o.start(data)
	if err != nil {
		return nil, nil, err
	}
	defer p.Kill()
	in, err := o.ingest(p, c)
	if err != nil {
		return nil, nil, err
	}
	q := c.firstQueries()[0]
	t, _, err := newAsker(p).measure(&q, max(o.runs, growthRuns))
	return in, t, err
}

// growthRuns is how often the query is asked at least: it takes a fraction of a millisecond, of which noise is a large part.
const growthRuns = 51
