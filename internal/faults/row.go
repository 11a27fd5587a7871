package faults

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Row is what one run showed.
type Row struct {
	Fault  string
	Lasted time.Duration
	Found
	Acknowledged int
	Attempts     int           // requests that had to be sent again
	Unwritable   time.Duration // the longest without an acknowledgement
	Unreadable   time.Duration // the longest without any answer
	Partial      time.Duration // the longest without a whole answer
	Stale        time.Duration // by how much a whole answer was behind the acknowledgements, at most
	Failover     time.Duration // from the fault until all shards had other owners; 0: no owner was lost
	Recovered    time.Duration // from the fault until the last sign of it
	Busy         float64       // part of the machine's CPU time that was used, by whomever
	Reason       string        // what partial answers said first
	Note         string
}

// measure fills in what the times of acknowledgements and answers say. Everything before the fault was injected is a baseline and not looked at.
func (c *Checker) measure(r *Row, injected, end time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last := injected
	note := func(at time.Time, gap, usual time.Duration) {
		if gap > usual && at.After(last) {
			last = at
		}
	}
	previous := injected
	for _, a := range c.acks {
		if a.at.Before(injected) {
			continue
		}
		gap := a.at.Sub(previous)
		r.Unwritable = max(r.Unwritable, gap)
		note(a.at, gap, unusual)
		previous = a.at
	}
	answers := slices.Clone(c.answers)
	slices.SortFunc(answers, func(a, b answer) int { return cmp.Compare(a.heard.UnixNano(), b.heard.UnixNano()) })
	heard, whole := injected, injected
	for _, a := range answers {
		if a.heard.Before(injected) || a.heard.After(end) {
			continue
		}
		if a.err == nil {
			r.Unreadable = max(r.Unreadable, a.heard.Sub(heard))
			heard = a.heard
		}
		if a.partial != "" && r.Reason == "" {
			r.Reason = a.from + ": " + a.partial
		}
		if !a.whole() {
			note(a.heard, unusual+1, unusual)
			continue
		}
		r.Partial = max(r.Partial, a.heard.Sub(whole))
		whole = a.heard
	}
	r.Unreadable, r.Partial = max(r.Unreadable, end.Sub(heard)), max(r.Partial, end.Sub(whole))
	for _, a := range answers {
		if behind := c.behindLocked(&a); behind > r.Stale {
			r.Stale = behind
		}
	}
	r.Recovered = last.Sub(injected)
}

// Said is what answers lacked and why, with the times after the fault of the first and the last that said so. Numbers do not make reasons different.
func (c *Checker) Said(injected time.Time) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	type span struct{ first, last time.Duration }
	times, order := map[string]*span{}, []string(nil)
	for _, a := range c.answers {
		what := a.partial
		if a.err != nil {
			what = a.err.Error()
		}
		if what == "" {
			continue
		}
		what = a.from + ": " + digits.ReplaceAllString(what, "#")
		after := a.asked.Sub(injected)
		if times[what] == nil {
			times[what] = &span{after, after}
			order = append(order, what)
		}
		times[what].last = after
	}
	for i, what := range order {
		order[i] = fmt.Sprintf("%.1f s to %.1f s: %s", times[what].first.Seconds(), times[what].last.Seconds(), what)
	}
	return order
}

var digits = regexp.MustCompile(`[0-9]+`)

// unusual is a pause that a machine with nothing broken does not make.
const unusual = time.Second

// behindLocked is how old the oldest acknowledgement was that a whole answer lacked when it was asked for.
func (c *Checker) behindLocked(a *answer) time.Duration {
	if !a.whole() {
		return 0
	}
	first, _ := slices.BinarySearchFunc(c.acks, a.count+1, func(k ack, total int) int { return cmp.Compare(k.total, total) })
	if first == len(c.acks) || !c.acks[first].at.Before(a.asked) {
		return 0
	}
	return a.asked.Sub(c.acks[first].at)
}

// check says what the promises are that the run has broken.
func (c *Checker) check(r *Row) []error {
	errs := slices.Clone(c.errs)
	for what, n := range map[string]int{"acknowledged records are lost": r.Lost, "records are there twice": r.Duplicated, "records were never sent": r.Strange} {
		if n > 0 {
			errs = append(errs, fmt.Errorf("%d %s", n, what))
		}
	}
	if r.Stale > staleMax {
		errs = append(errs, fmt.Errorf("an answer that calls itself whole lacks what was acknowledged %v before", r.Stale))
	}
	if r.Failover > failoverMax {
		errs = append(errs, fmt.Errorf("the failover took %v", r.Failover))
	}
	return errs
}

// Header and String are a table in Markdown.
const Header = `| fault | lasted s | acknowledged | lost | duplicated | sent again | no ack s | no answer s | not whole s | behind s | failover s | last sign after s | CPU |
|---|---|---|---|---|---|---|---|---|---|---|---|---|`

func (r *Row) String() string {
	seconds := func(d time.Duration) string { return fmt.Sprintf("%.1f", d.Seconds()) }
	failover := "-"
	if r.Failover > 0 {
		failover = seconds(r.Failover)
	}
	cells := []string{
		r.Fault, seconds(r.Lasted), fmt.Sprint(r.Acknowledged), fmt.Sprint(r.Lost), fmt.Sprint(r.Duplicated), fmt.Sprint(r.Attempts), seconds(r.Unwritable),
		seconds(r.Unreadable), seconds(r.Partial), seconds(r.Stale), failover, seconds(r.Recovered), fmt.Sprintf("%.0f %%", 100*r.Busy),
	}
	return "| " + strings.Join(cells, " | ") + " |"
}

// WriteTo replaces the run's row in the table of a file, or adds it. Several runs may write at the same time.
func (r *Row) WriteTo(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("lock %s: %w", file, err)
	}
	old, err := io.ReadAll(f)
	if err != nil {
		return err
	}
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(r.in(string(old))), 0)
	return err
}

// in is a text with the row in it.
func (r *Row) in(text string) string {
	if !strings.Contains(text, Header) {
		text += Header + "\n"
	}
	before, after, _ := strings.Cut(text, Header+"\n")
	rows := strings.SplitAfter(after, "\n")
	end := slices.IndexFunc(rows, func(line string) bool { return !strings.HasPrefix(line, "|") })
	if end < 0 {
		end = len(rows)
	}
	if at := slices.IndexFunc(rows[:end], func(line string) bool { return faultOf(line) == r.Fault }); at >= 0 {
		rows[at] = r.String() + "\n"
	} else {
		rows = slices.Insert(rows, end, r.String()+"\n")
		end++
	}
	slices.SortStableFunc(rows[:end], func(a, b string) int { return cmp.Compare(place(faultOf(a)), place(faultOf(b))) })
	return before + Header + "\n" + strings.Join(rows, "")
}

// faultOf is whose row a line is.
func faultOf(line string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " |")
	return name
}

// place is a fault's among all; those that are not among them come last.
func place(name string) int {
	i := slices.IndexFunc(Faults, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return len(Faults)
	}
	return i
}
