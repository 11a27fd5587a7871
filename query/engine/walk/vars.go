package walk

import (
	"context"

	"clew/index"
	"clew/index/vocabulary"
)

// Vars are the variables of a run of rows of one template. Where the part can lend them, a variable is read when it is first asked
// for, and only then. It is one goroutine's.
type Vars struct {
	text index.TextRows
	runs index.TextRuns // text, if it can lend runs; else nil

	ctx      context.Context
	first, n int
	kinds    []byte
	loaded   []bool // by hole: the columns below are this run's
	ints     [][]int64
	data     [][]byte
	offsets  [][]uint32
	buf      []byte
	err      error // of reading; variables are empty from then on
}

// Of makes v about the rows of text.
func (v *Vars) Of(ctx context.Context, text index.TextRows) {
	v.ctx, v.text, v.err, v.n = ctx, text, nil, 0
	v.runs, _ = text.(index.TextRuns)
}

// begin makes v about n rows from first on, of a template with holes of these kinds.
func (v *Vars) begin(kinds []byte, first, n int) {
	v.first, v.n, v.kinds = first, n, kinds
	for len(v.loaded) < len(kinds) {
		v.loaded, v.ints = append(v.loaded, false), append(v.ints, nil)
		v.data, v.offsets = append(v.data, nil), append(v.offsets, nil)
	}
	clear(v.loaded)
}

// load reads the k-th variables of the run. It is false if they cannot be read, or not as a run.
func (v *Vars) load(k int) bool {
	switch {
	case v.runs == nil || v.err != nil:
		return false
	case v.loaded[k]:
		return true
	}
	if v.err = v.runs.Load(v.ctx, v.first, v.n, k); v.err != nil {
		return false
	}
	v.loaded[k] = true
	if v.kinds[k] == vocabulary.HoleInt {
		v.ints[k] = v.runs.IntRun(v.first, v.n, k)
	} else {
		v.data[k], v.offsets[k] = v.runs.BytesRun(v.first, v.n, k)
	}
	return true
}

// int is the row's k-th variable, which fills a vocabulary.HoleInt, encoded.
func (v *Vars) int(row, k int) int64 {
	switch {
	case v.runs == nil:
		return v.text.IntVar(row, k)
	case v.loaded[k] || v.load(k):
		return v.ints[k][row-v.first]
	}
	return 0
}

// bytes is the row's k-th variable as it stands in the text. It is valid until the next call.
func (v *Vars) bytes(row, k int) []byte {
	switch {
	case v.runs == nil:
		v.buf = v.text.AppendVar(v.buf[:0], row, k)
		return v.buf
	case !v.loaded[k] && !v.load(k):
		return nil
	case v.kinds[k] == vocabulary.HoleInt:
		v.buf = vocabulary.AppendInt(v.buf[:0], v.ints[k][row-v.first])
		return v.buf
	}
	i, offsets := row-v.first, v.offsets[k]
	return v.data[k][offsets[i]:offsets[i+1]]
}

// appendText appends the row's text to dst.
func (v *Vars) appendText(dst []byte, row int) []byte {
	if v.runs != nil {
		for k := range v.kinds {
			if !v.loaded[k] && !v.load(k) {
				return dst
			}
		}
	}
	return v.text.AppendText(dst, row)
}
