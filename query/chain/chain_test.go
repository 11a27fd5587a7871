package chain_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"clew/internal/telemetry"
	"clew/internal/tracetext"
	"clew/query/chain"
)

var update = flag.Bool("update", false, "rewrite the expected answers in testdata")

// TestScripts reads testdata/*.test: a text trace, a line of dashes, and the chain it gives.
func TestScripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.test")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			in, want, _ := strings.Cut(string(data), "----\n")
			spans := parse(t, in)
			got := describe(chain.Build(spans))
			if *update {
				if err := os.WriteFile(file, []byte(in+"----\n"+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("chain (-want +got):\n%s", diff)
			}
		})
	}
}

func parse(t *testing.T, text string) []chain.Span {
	t.Helper()
	lines, err := tracetext.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var spans []chain.Span
	for _, l := range lines {
		if l.Received {
			spans = append(spans, chain.Span{
				ID: l.ID, Parent: l.Parent, Service: l.Service, Process: l.Attribute("host"), Name: l.Name, Kind: l.Kind,
				Status: l.Status, StatusMessage: l.Message, Start: int64(l.Start), Duration: int64(l.Duration),
			})
		}
	}
	return spans
}

func describe(c *chain.Chain) string {
	var b bytes.Buffer
	for i := range c.Nodes {
		n := &c.Nodes[i]
		fmt.Fprintf(&b, "%s%s %q %v+%v self=%v", strings.Repeat("  ", n.Depth), n.Service, n.Name,
			time.Duration(n.Start), time.Duration(n.Duration), time.Duration(n.SelfTime))
		if n.OnCritical > 0 {
			fmt.Fprintf(&b, " critical=%v", time.Duration(n.OnCritical))
		}
		if n.Skew != 0 {
			fmt.Fprintf(&b, " skew=%v", time.Duration(n.Skew))
		}
		if n.Reason != "" {
			fmt.Fprintf(&b, " %s", n.Reason)
		}
		if n.Error {
			b.WriteString(" error")
		}
		b.WriteByte('\n')
	}
	for _, o := range c.ErrorOrigins {
		fmt.Fprintf(&b, "error began: %s %q\n", c.Nodes[o].Service, c.Nodes[o].Name)
	}
	for _, k := range c.Clocks {
		fmt.Fprintf(&b, "clock of %s: %v from %d calls\n", k.Process, time.Duration(k.Offset), k.Calls)
	}
	fmt.Fprintf(&b, "missing=%d duplicates=%d errors=%d\n", c.Missing, c.Duplicates, c.Errors)
	return b.String()
}

// TestInvariants builds chains of random, often broken, traces: every span is in the chain once, parents come before children, self
// times and the critical path stay within what they measure, and the order of the spans does not matter.
func TestInvariants(t *testing.T) {
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 1))
		spans := randomTrace(rng)
		c := chain.Build(spans)
		seen := map[int]bool{}
		for i, n := range c.Nodes {
			if n.Parent >= i {
				t.Fatalf("seed %d: node %d has parent %d", seed, i, n.Parent)
			}
			if n.Span >= 0 {
				if seen[n.Span] {
					t.Fatalf("seed %d: span %d twice", seed, n.Span)
				}
				seen[n.Span] = true
			}
			if n.SelfTime < 0 || n.SelfTime > n.Duration {
				t.Fatalf("seed %d: node %d: self time %d of %d", seed, i, n.SelfTime, n.Duration)
			}
		}
		if len(seen)+c.Duplicates != len(spans) {
			t.Fatalf("seed %d: %d spans in the chain and %d duplicates of %d", seed, len(seen), c.Duplicates, len(spans))
		}
		var last int64
		for i, s := range c.Critical {
			if s.To <= s.From || i > 0 && s.From < last {
				t.Fatalf("seed %d: critical path is not ascending at %d: %v", seed, i, c.Critical)
			}
			last = s.To
		}
		shuffled := append([]chain.Span(nil), spans...)
		rng.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if d := chain.Build(shuffled); len(d.Nodes) != len(c.Nodes) || d.Missing != c.Missing || d.Errors != c.Errors {
			t.Fatalf("seed %d: another order gives another chain", seed)
		}
	}
}

func randomTrace(rng *rand.Rand) []chain.Span {
	n := rng.IntN(40)
	id := func(k int) (s telemetry.SpanID) { s[7] = byte(k); return s }
	kinds := []string{"internal", "server", "client", "producer", "consumer", "unspecified"}
	spans := make([]chain.Span, n)
	for i := range spans {
		spans[i] = chain.Span{
			ID: id(i + 1), Service: fmt.Sprint("s", rng.IntN(4)), Kind: kinds[rng.IntN(len(kinds))], Status: []string{"unset", "error"}[rng.IntN(2)],
			Start: rng.Int64N(1000), Duration: rng.Int64N(1000) - 20,
		}
		switch rng.IntN(10) {
		case 0: // a root
		case 1:
			spans[i].Parent = id(100 + rng.IntN(3)) // missing
		default:
			spans[i].Parent = id(1 + rng.IntN(n)) // may be a cycle
		}
		if i > 0 && rng.IntN(20) == 0 {
			spans[i] = spans[rng.IntN(i)]
		}
	}
	return spans
}

// TestDeep holds a chain of 200,000 hops: nothing recurses.
func TestDeep(t *testing.T) {
	spans := deep(200_000)
	if c := chain.Build(spans); c.Nodes[len(c.Nodes)-1].Depth != len(spans)-1 {
		t.Fatalf("depth %d", c.Nodes[len(c.Nodes)-1].Depth)
	}
}

func deep(n int) []chain.Span {
	spans := make([]chain.Span, n)
	for i := range spans {
		spans[i] = chain.Span{ID: spanID(i + 1), Service: "s", Kind: "internal", Start: int64(i), Duration: int64(2*n - 2*i)}
		if i > 0 {
			spans[i].Parent = spanID(i)
		}
	}
	return spans
}

func spanID(i int) (id telemetry.SpanID) {
	id[4], id[5], id[6], id[7] = byte(i>>24), byte(i>>16), byte(i>>8), byte(i)
	return id
}

func BenchmarkBuild100k(b *testing.B) {
	spans := deep(100_000)
	for i := range spans {
		if i > 0 {
			spans[i].Parent = spanID(1 + (i-1)/8)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		chain.Build(spans)
	}
}
