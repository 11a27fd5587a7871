package telemetry

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
)

// column collects the values of one column of a batch. Rows without a value cost nothing: as soon as one is missing, each value
// carries its row.
type column struct {
	Column
	owner *columnSet
	width int // TypeBytes: length of all values, or 0 if they may differ

	n       int    // values
	last    uint32 // row of the last value, plus one
	clash   uint32 // last row for which a second value came, plus one
	sparse  bool
	demoted bool // Build put the values into the overflow
	// diverted: values go to the overflow as they come, from the last batch's demotion on. member is `"key":`, made once.
	diverted bool
	member   []byte
	rows     []uint32 // row of each value, if sparse
	numbers  []int64  // TypeInt, TypeTime; TypeDouble: bits; TypeBool: 0 or 1

	// Strings, JSON and bytes. With a dictionary: codes of the values, and data holds each distinct value once. Plain: data holds all values.
	plain    bool
	stay     int // batches that the column remains plain for; less than 0: always
	dict     map[string]uint32
	codes    []uint32
	lastText string
	lastCode uint32
	data     []byte
	ends     []uint32 // end of each value in data
	total    int      // bytes of all values, repeated ones too

	field, dictField arrow.Field // made once
}

// Strings start with a dictionary. Once plainAfter values are there and more than half of them distinct, looking them up is given up, for
// plainStay batches.
const (
	plainAfter = 512
	plainStay  = 16
)

// add notes that row has a value. false: it has one already.
func (c *column) add(row uint32) bool {
	if c.last == row+1 {
		c.clash = row + 1
		return false
	}
	c.last = row + 1
	switch {
	case c.sparse:
		c.rows = append(c.rows, row)
	case uint32(c.n) != row:
		c.sparse = true
		c.rows = c.rows[:0]
		for i := range c.n {
			c.rows = append(c.rows, uint32(i))
		}
		c.rows = append(c.rows, row)
	}
	c.n++
	return true
}

// row is the row of the i-th value.
func (c *column) row(i int) uint32 {
	if c.sparse {
		return c.rows[i]
	}
	return uint32(i)
}

func (c *column) addInt(row uint32, v int64) {
	if c.add(row) {
		c.numbers = append(c.numbers, v)
		c.owner.size += 8
	}
}

func (c *column) addDouble(row uint32, v float64) { c.addInt(row, int64(math.Float64bits(v))) }

func (c *column) addBool(row uint32, v bool) {
	n := int64(0)
	if v {
		n = 1
	}
	if c.add(row) {
		c.numbers = append(c.numbers, n)
		c.owner.size++
	}
}

// addBytes adds a value of TypeBytes.
func (c *column) addBytes(row uint32, v []byte) {
	if !c.add(row) {
		return
	}
	c.data = append(c.data, v...)
	c.owner.size += len(v)
	if c.width == 0 {
		c.ends = append(c.ends, uint32(len(c.data)))
		c.owner.size += 4
	}
}

// addText adds text made in a scratch buffer (valid UTF-8).
func (c *column) addText(row uint32, text []byte) {
	if !c.add(row) {
		return
	}
	if c.plain {
		c.data = append(c.data, text...)
		c.ends = append(c.ends, uint32(len(c.data)))
		c.owner.size += len(text) + 4
		return
	}
	code, ok := c.dict[string(text)]
	if !ok {
		code = c.enter(string(text))
	}
	c.code(code, len(text))
}

// addString adds a string. It says whether s was valid UTF-8; if not, U+FFFD stands for each run of invalid bytes.
func (c *column) addString(row uint32, s string) (valid bool) {
	if !c.add(row) {
		return utf8.ValidString(s)
	}
	if c.plain {
		if valid = utf8.ValidString(s); !valid {
			s = strings.ToValidUTF8(s, "\uFFFD")
		}
		c.data = append(c.data, s...)
		c.ends = append(c.ends, uint32(len(c.data)))
		c.owner.size += len(s) + 4
		return valid
	}
	if s == c.lastText && c.n > 1 {
		c.code(c.lastCode, len(s))
		return true
	}
	valid = true
	code, ok := c.dict[s]
	if !ok {
		if valid = utf8.ValidString(s); !valid {
			s = strings.ToValidUTF8(s, "\uFFFD")
			code, ok = c.dict[s]
		}
		if !ok {
			code = c.enter(s)
		}
	}
	c.lastText, c.lastCode = s, code
	c.code(code, len(s))
	return valid
}

// enter gives a new distinct value its code. It keeps s until the batch is built.
func (c *column) enter(s string) uint32 {
	if c.dict == nil {
		c.dict = map[string]uint32{}
	}
	code := uint32(len(c.ends))
	c.dict[s] = code
	c.data = append(c.data, s...)
	c.ends = append(c.ends, uint32(len(c.data)))
	c.owner.size += len(s) + 4
	return code
}

func (c *column) code(code uint32, size int) {
	c.codes = append(c.codes, code)
	c.total += size
	c.owner.size += 4
	if len(c.codes) == plainAfter && len(c.ends) > plainAfter/2 {
		c.makePlain()
	}
}

// makePlain turns codes into the values themselves.
func (c *column) makePlain() {
	data := make([]byte, 0, c.total+c.total/2)
	ends := make([]uint32, 0, 2*len(c.codes))
	for _, code := range c.codes {
		data = append(data, c.value(int(code))...)
		ends = append(ends, uint32(len(data)))
	}
	c.data, c.ends, c.codes = data, ends, c.codes[:0]
	c.plain, c.stay = true, plainStay
	c.dict, c.lastText = nil, ""
}

// value is the i-th value in data.
func (c *column) value(i int) []byte {
	if c.width > 0 {
		return c.data[i*c.width : (i+1)*c.width]
	}
	start := uint32(0)
	if i > 0 {
		start = c.ends[i-1]
	}
	return c.data[start:c.ends[i]]
}

// text is the i-th row's value, of a column of strings, JSON or bytes.
func (c *column) text(i int) []byte {
	if len(c.codes) > 0 {
		return c.value(int(c.codes[i]))
	}
	return c.value(i)
}

// reset empties the column for the next batch and keeps what memory may be kept.
func (c *column) reset() {
	if c.n == 0 {
		return
	}
	c.n, c.last, c.clash, c.sparse, c.demoted, c.total = 0, 0, 0, false, false, 0
	c.lastText, c.lastCode = "", 0
	c.rows, c.codes, c.ends = kept(c.rows), kept(c.codes), kept(c.ends)
	c.numbers, c.data = kept(c.numbers), kept(c.data)
	if len(c.dict) > keptEntriesMax {
		c.dict = nil
	} else {
		clear(c.dict)
	}
	if c.stay > 0 {
		c.stay--
		c.plain = c.stay > 0
	}
}

// kept empties a buffer and keeps its memory if it is not too large.
func kept[T any](s []T) []T {
	var zero T
	size := 1
	switch any(zero).(type) {
	case uint32:
		size = 4
	case int64:
		size = 8
	}
	if cap(s)*size > keptBytesMax {
		return nil
	}
	return s[:0]
}
