// Package loggen makes log records like those of a shop of twelve services, for tests and benchmarks: HTTP requests, database
// statements, queues, Kubernetes events, JSON bodies, stack traces; with numbers, ids, addresses, users and paths that vary as
// real ones do. The same seed gives the same records.
package loggen

import (
	"math/rand/v2"
	"strconv"
)

// Record is one log record. What it points to is valid until the next call of Next.
type Record struct {
	Time     int64 // nanoseconds since 1970
	Service  string
	Instance string // the pod's name
	Severity int    // OTel severity number
	TraceID  [16]byte
	SpanID   [8]byte
	HasTrace bool
	Body     []byte
}

// Services are the names of the services that records come from.
var Services = []string{
	"frontend", "checkout", "cart", "payment", "catalog", "shipping", "accounts", "search", "email", "inventory", "ingress", "scheduler",
}

const (
	instancesEach = 4
	usersMax      = 20_000
	baseTime      = 1_760_000_000_000_000_000
	meanGap       = 800_000 // nanoseconds between records
	tracesOpen    = 1000    // traces that records are being written for
)

// Generator makes records, one after the other. Not safe for concurrent use.
type Generator struct {
	rnd                  *rand.Rand
	now                  int64
	body                 []byte
	instances            [][]string
	users                []string
	zipf                 *rand.Zipf
	errors               int // of a thousand
	open                 [tracesOpen][16]byte
	goStacks, javaStacks [][]string
}

// New returns a generator. Records of one seed are always the same.
func New(seed uint64) *Generator {
	r := rand.New(rand.NewPCG(seed, 0x636c6577))
	g := &Generator{rnd: r, now: baseTime, errors: 20}
	for _, service := range Services {
		var names []string
		set := g.podPart(nil, 10)
		for range instancesEach {
			names = append(names, service+"-"+string(set)+"-"+string(g.podPart(nil, 5)))
		}
		g.instances = append(g.instances, names)
	}
	for range usersMax {
		g.users = append(g.users, g.name())
	}
	g.zipf = rand.NewZipf(r, 1.1, 8, usersMax-1)
	g.goStacks, g.javaStacks = g.stacks(g.goFrame), g.stacks(g.javaFrame)
	return g
}

// Next fills rec with the next record, of any service. Times ascend.
func (g *Generator) Next(rec *Record) {
	g.NextOf(rec, g.rnd.IntN(len(Services)*instancesEach))
}

// Pods is how many instances of services there are; NextOf counts them.
const Pods = instancesEach * 12

// NextOf fills rec with the next record, one of a pod below Pods. Times ascend.
func (g *Generator) NextOf(rec *Record, pod int) {
	g.now += g.rnd.Int64N(2 * meanGap)
	service := pod / instancesEach
	rec.Time = g.now
	rec.Service = Services[service]
	rec.Instance = g.instances[service][pod%instancesEach]
	g.trace(rec)
	g.body = g.body[:0]
	if g.rnd.IntN(1000) < g.errors {
		rec.Severity = severityError
		failures[g.rnd.IntN(len(failures))](g)
	} else {
		kinds := messages[service]
		kind := kinds[g.rnd.IntN(len(kinds))]
		rec.Severity = kind.severity
		kind.write(g)
	}
	rec.Body = g.body
}

// trace gives two of five records a trace id: half of those one of a trace that has had records before.
func (g *Generator) trace(rec *Record) {
	rec.TraceID, rec.SpanID = [16]byte{}, [8]byte{}
	if rec.HasTrace = g.rnd.IntN(5) < 2; !rec.HasTrace {
		return
	}
	open := &g.open[g.rnd.IntN(len(g.open))]
	if g.rnd.IntN(2) == 0 || *open == ([16]byte{}) {
		putUint64(open[:8], g.rnd.Uint64())
		putUint64(open[8:], g.rnd.Uint64())
	}
	rec.TraceID = *open
	putUint64(rec.SpanID[:], g.rnd.Uint64())
}

func putUint64(dst []byte, v uint64) {
	for i := range 8 {
		dst[i] = byte(v >> (8 * i))
	}
}

// Pieces of bodies. All return g, so that a message reads as one line.

func (g *Generator) s(text string) *Generator {
	g.body = append(g.body, text...)
	return g
}

func (g *Generator) int(below int) *Generator {
	g.body = strconv.AppendInt(g.body, g.rnd.Int64N(int64(below)), 10)
	return g
}

// ms is a duration in milliseconds with three decimals: most are short, some long.
func (g *Generator) ms() *Generator {
	us := 1 + g.rnd.Int64N(1<<(6+g.rnd.IntN(16)))
	g.body = strconv.AppendInt(g.body, us/1000, 10)
	return g.s(".").padded(int(us%1000), 3)
}

func (g *Generator) padded(v, width int) *Generator {
	for n := 10; width > 1; width-- {
		if v < n {
			for range width - 1 {
				g.body = append(g.body, '0')
			}
			break
		}
		n *= 10
	}
	g.body = strconv.AppendInt(g.body, int64(v), 10)
	return g
}

func (g *Generator) hex(digits int) *Generator {
	const alphabet = "0123456789abcdef"
	var bits uint64
	for i := range digits {
		if i%16 == 0 {
			bits = g.rnd.Uint64()
		}
		g.body = append(g.body, alphabet[bits&15])
		bits >>= 4
	}
	return g
}

func (g *Generator) uuid() *Generator {
	return g.hex(8).s("-").hex(4).s("-4").hex(3).s("-a").hex(3).s("-").hex(12)
}

func (g *Generator) ip() *Generator {
	return g.s("10.").int(4).s(".").int(250).s(".").int(250)
}

func (g *Generator) user() *Generator { return g.s(g.users[g.zipf.Uint64()]) }

func (g *Generator) one(of []string) *Generator { return g.s(g.pick(of)) }

func (g *Generator) pod() *Generator {
	return g.s(g.instances[g.rnd.IntN(len(Services))][g.rnd.IntN(instancesEach)])
}

// podPart appends letters and digits as Kubernetes names sets and pods.
func (g *Generator) podPart(dst []byte, n int) []byte {
	const alphabet = "bcdfghjklmnpqrstvwxz2456789"
	for range n {
		dst = append(dst, alphabet[g.rnd.IntN(len(alphabet))])
	}
	return dst
}

// name makes a name that can be said.
func (g *Generator) name() string {
	const consonants, vowels = "bcdfghjklmnprstvwz", "aeiou"
	var b []byte
	for range 2 + g.rnd.IntN(3) {
		b = append(b, consonants[g.rnd.IntN(len(consonants))], vowels[g.rnd.IntN(len(vowels))])
	}
	return string(b)
}

func (g *Generator) timestamp() *Generator {
	s := g.now / 1_000_000_000
	return g.s("2025-10-").padded(int(9+s/86400%20), 2).s("T").padded(int(s/3600%24), 2).s(":").padded(int(s/60%60), 2).s(":").
		padded(int(s%60), 2).s(".").padded(int(g.now/1_000_000%1000), 3).s("Z")
}
