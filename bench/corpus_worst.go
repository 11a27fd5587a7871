package main

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strconv"
)

const (
	worstServices  = 100
	worstKeys      = 1000
	manyKeys       = 10_000
	keysPerRecord  = 10
	largeLineBytes = 1 << 20
	wordsPerLine   = 12
)

// worstCase is data that is hard to take. Every record's body ends in a word of its service, which is counted.
type worstCase struct {
	name     string
	note     string
	records  int // at full scale
	batch    int // records a request
	services int
	perByte  bool // compared with normal data by the byte, not by the record
	// line appends a body; attributes appends a record's attributes, if there are any, and says whether the record matches probe.
	line       func(dst []byte, r *rand.Rand) []byte
	attributes func(w *wire, r *rand.Rand, service int) (probed bool)
	probe      string // a query of an attribute
}

func shortLine(dst []byte, r *rand.Rand) []byte {
	dst = append(dst, "request completed in "...)
	return append(strconv.AppendInt(dst, int64(r.IntN(5000)), 10), " ms"...)
}

// randomBytes appends base64 of n random bytes.
func randomBytes(dst []byte, r *rand.Rand, n int) []byte {
	raw := make([]byte, n)
	for i := range raw {
		raw[i] = byte(r.Uint32())
	}
	return base64.StdEncoding.AppendEncode(dst, raw)
}

// randomWords appends n words that have not been before and will not be again.
func randomWords(dst []byte, r *rand.Rand, n int) []byte {
	for i := range n {
		if i > 0 {
			dst = append(dst, ' ')
		}
		for range 4 + r.IntN(6) {
			dst = append(dst, byte('a'+r.IntN(26)))
		}
	}
	return dst
}

var worstCases = []worstCase{
	{
		name: "random base64 lines", note: "200 characters", records: 500_000, batch: 1000, services: 12,
		line: func(dst []byte, r *rand.Rand) []byte { return randomBytes(dst, r, 150) },
	},
	{
		name: "lines of 1 MB", note: "words and numbers; by the byte", records: 400, batch: 4, services: 12, perByte: true,
		line: func(dst []byte, r *rand.Rand) []byte {
			for end := len(dst) + largeLineBytes; len(dst) < end; {
				dst = fmt.Appendf(dst, "row %d of table orders: state=%d, ", r.IntN(1_000_000), r.IntN(10))
			}
			return dst
		},
	},
	{
		name: "random lines of 1 MB", note: "base64; by the byte", records: 200, batch: 4, services: 12, perByte: true,
		line: func(dst []byte, r *rand.Rand) []byte { return randomBytes(dst, r, largeLineBytes*3/4) },
	},
	{
		name: "10,000 distinct attribute keys", note: "10 of them a record", records: 300_000, batch: 1000, services: 12, line: shortLine,
		probe: "key.4711:value-7",
		attributes: func(w *wire, r *rand.Rand, _ int) (probed bool) {
			for range keysPerRecord {
				k, v := r.IntN(manyKeys), r.IntN(50)
				w.attr(logAttribute, "key."+strconv.Itoa(k), "value-"+strconv.Itoa(v))
				probed = probed || k == 4711 && v == 7
			}
			return probed
		},
	},
	{
		name: "1,000 keys, 10 in each of 100 services", note: "all 10 a record", records: 500_000, batch: 1000, services: worstServices, line: shortLine,
		probe: "key.99.3:*",
		attributes: func(w *wire, r *rand.Rand, service int) (probed bool) {
			for k := range worstKeys / worstServices {
				w.attr(logAttribute, "key."+strconv.Itoa(service)+"."+strconv.Itoa(k), "value-"+strconv.Itoa(r.IntN(50)))
			}
			return service == 99
		},
	},
	{
		name: "a new template a line", note: "12 random words", records: 500_000, batch: 1000, services: 12,
		line: func(dst []byte, r *rand.Rand) []byte { return randomWords(dst, r, wordsPerLine) },
	},
}

// worst is the corpus of a case.
type worst struct {
	worstCase
	n, made int
	rnd     *rand.Rand
	text    []byte
	counts  []uint64 // by service
	probed  uint64   // records that match probe
}

func newWorst(c worstCase, n int) *worst {
	return &worst{worstCase: c, n: n, rnd: rand.New(rand.NewPCG(seed, 5)), counts: make([]uint64, c.services)}
}

func (c *worst) signal() string { return "logs" }
func (c *worst) path() string   { return "/v1/logs" }

func (c *worst) next(buf []byte) ([]byte, int) {
	count := min(c.batch, c.n-c.made)
	if count <= 0 {
		return buf, 0
	}
	w := wire{buf: buf}
	service := c.made / c.batch % c.services
	name := "service-" + strconv.Itoa(service)
	of := w.begin(requestResources)
	w.resource(name, name+"-0", "node-0")
	scopes := w.begin(resourceScopes)
	w.scope("worst", "1")
	for range count {
		at := uint64(epoch.UnixNano()) + uint64(c.made)*1e6
		r := w.begin(scopeRecords)
		w.fixed64(logTime, at)
		w.fixed64(logObserved, at)
		w.uint(logSeverity, 9)
		c.text = append(c.line(c.text[:0], c.rnd), " end-"...)
		c.text = strconv.AppendInt(c.text, int64(service), 10)
		body := w.begin(logBody)
		w.bytes(1, c.text)
		w.end(body)
		if c.attributes != nil && c.attributes(&w, c.rnd, service) {
			c.probed++
		}
		w.end(r)
		c.made++
		c.counts[service]++
	}
	w.end(scopes)
	w.end(of)
	return w.buf, count
}

func (c *worst) queries() []query {
	last := c.services - 1
	end := strconv.Itoa(last)
	want := map[string]uint64{}
	for i, n := range c.counts {
		if n > 0 {
			want["service-"+strconv.Itoa(i)] = n
		}
	}
	qs := []query{
		count("count of all", "logs", "", uint64(c.n)),
		count("words at the end of a line", "logs", `"end `+end+`"`, c.counts[last]),
		count("regex at the end of a line", "logs", `/ end-`+end+`$/`, c.counts[last]),
		count("service", "logs", "service:service-"+end, c.counts[last]),
	}
	if c.probe != "" {
		qs = append(qs, count("an attribute", "logs", c.probe, c.probed))
	}
	return qs
}

func (c *worst) firstQueries() []query { return nil }
