package faults

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// A run replaces its own row and leaves the text around the table as it is.
func TestTable(t *testing.T) {
	one, two := &Row{Fault: "one"}, &Row{Fault: "two"}
	text := two.in(one.in("# Title\n\nwords\n\n" + Header + "\n\nmore\n"))
	one.Acknowledged = 12345
	text = one.in(text)
	want := "# Title\n\nwords\n\n" + Header + "\n" + one.String() + "\n" + two.String() + "\n\nmore\n"
	if text != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
	first, last := &Row{Fault: Faults[0].Name}, &Row{Fault: Faults[1].Name}
	if got, want := first.in(one.in(last.in(""))), Header+"\n"+first.String()+"\n"+last.String()+"\n"+one.String()+"\n"; got != want {
		t.Errorf("rows are in the order of the faults: %s\nwant\n%s", got, want)
	}
	if got := one.in(""); got != Header+"\n"+one.String()+"\n" {
		t.Errorf("a new file: %s", got)
	}
}

// What the times of acknowledgements and answers are made into, and that the promises can be broken.
func TestMeasure(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	c := NewChecker(nil, nil, 1)
	c.acks = []ack{{at(0), 500}, {at(1), 1000}, {at(5), 1500}, {at(5.5), 2000}, {at(30), 2500}}
	c.answers = []answer{
		{asked: at(1.1), heard: at(1.2), count: 1000},
		{asked: at(2), heard: at(4), err: errors.New("nobody there")},
		{asked: at(6), heard: at(6.5), count: 500, partial: "shard 3"},
		{asked: at(20), heard: at(20.5), count: 1500}, // lacks what was acknowledged at 5.5
		{asked: at(31), heard: at(31.5), count: 2500},
	}
	r := &Row{}
	c.measure(r, at(1), at(32))
	want := Row{Unwritable: 24500 * time.Millisecond, Unreadable: 14 * time.Second, Partial: 19300 * time.Millisecond, Stale: 14500 * time.Millisecond, Recovered: 29 * time.Second, Reason: ": shard 3"}
	if *r != want {
		t.Errorf("%+v, want %+v", *r, want)
	}
	r.Lost, r.Duplicated, r.Failover = 1, 2, 16*time.Second
	var broken []string
	for _, err := range c.check(r) {
		broken = append(broken, err.Error())
	}
	for _, what := range []string{"1 acknowledged records are lost", "2 records are there twice", "whole lacks", "failover took 16s"} {
		if !strings.Contains(strings.Join(broken, "; "), what) {
			t.Errorf("%q is not among %q", what, broken)
		}
	}
}
