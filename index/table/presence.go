package table

import "math/bits"

// presence says which rows of a row group have a value. It takes the cheapest of three forms: nothing at all while every row so
// far has one, a list of row numbers while they are few, a bitmap otherwise. A row without a value costs nothing in the first two.
//
// Everything in it is append-only, so a copy of the struct is a snapshot.
type presence struct {
	n    int // rows that have a value
	form presenceForm
	rows []uint16 // formList
	// formBits: words that are complete. The word being filled is apart so that no shared memory is ever changed.
	words []uint64
	tail  uint64
}

type presenceForm uint8

const (
	formAll  presenceForm = iota // rows 0 to n-1
	formList                     // rows
	formBits                     // words, then tail
)

// addRun says that rows first to first+n-1 have values. Rows come in ascending order.
func (p *presence) addRun(first, n int) {
	if p.form == formAll && p.n == first {
		p.n += n
		return
	}
	for r := first; r < first+n; r++ {
		p.add(r)
	}
}

// add says that row r has a value. Rows come in ascending order.
func (p *presence) add(r int) {
	switch p.form {
	case formAll:
		if p.n == r {
			p.n++
			return
		}
		p.leaveAll()
		p.add(r)
		return
	case formList:
		if len(p.rows) < listRowsMax {
			p.rows = append(p.rows, uint16(r))
			p.n++
			return
		}
		p.form = formBits
		for _, row := range p.rows {
			p.setBit(int(row))
		}
		p.rows = nil
	}
	p.setBit(r)
	p.n++
}

// leaveAll changes the form to the cheaper of the two that can have gaps.
func (p *presence) leaveAll() {
	if p.n <= listRowsMax {
		p.form = formList
		for r := 0; r < p.n; r++ {
			p.rows = append(p.rows, uint16(r))
		}
		return
	}
	p.form = formBits
	for r := 0; r < p.n; r++ {
		p.setBit(r)
	}
}

func (p *presence) setBit(r int) {
	for w := r >> 6; len(p.words) < w; p.tail = 0 {
		p.words = append(p.words, p.tail)
	}
	p.tail |= 1 << (r & 63)
}

// word returns word w of the bitmap (formBits).
func (p *presence) word(w int) uint64 {
	switch {
	case w < len(p.words):
		return p.words[w]
	case w == len(p.words):
		return p.tail
	}
	return 0
}

// valid returns the bitmap of the first n rows, or nil if all of them have a value.
func (p *presence) valid(n int) []uint64 {
	if p.n == n {
		return nil
	}
	out := make([]uint64, (n+63)/64)
	switch p.form {
	case formAll:
		for r := 0; r < p.n; r++ {
			out[r>>6] |= 1 << (r & 63)
		}
	case formList:
		for _, r := range p.rows {
			out[r>>6] |= 1 << (r & 63)
		}
	case formBits:
		for w := range out {
			out[w] = p.word(w)
		}
	}
	return out
}

// spread moves the values of a column, standing one after the other at the start of dst, to their rows, and puts null
// elsewhere. A value's number is never above its row's, so this is done in place, from the back.
func spread[T any](p *presence, dst []T, null T) {
	k := p.n
	switch p.form {
	case formAll:
		for r := p.n; r < len(dst); r++ {
			dst[r] = null
		}
	case formList:
		end := len(dst)
		for k--; k >= 0; k-- {
			row := int(p.rows[k])
			v := dst[k]
			for r := row + 1; r < end; r++ {
				dst[r] = null
			}
			dst[row] = v
			end = row
		}
		for r := 0; r < end; r++ {
			dst[r] = null
		}
	case formBits:
		for w := (len(dst) - 1) >> 6; w >= 0; w-- {
			word := p.word(w)
			rows := dst[w<<6 : min(w<<6+64, len(dst))]
			if word == 1<<64-1 {
				k -= 64
				copy(rows, dst[k:k+64])
				continue
			}
			for r := len(rows) - 1; r >= 0; r-- {
				if word>>(r&63)&1 == 1 {
					k--
					rows[r] = dst[k]
				} else {
					rows[r] = null
				}
			}
		}
	}
}

// ranks are the numbers of values before each 64 rows (formBits), for number.
func (p *presence) ranks() []uint32 {
	if p.form != formBits {
		return nil
	}
	out := make([]uint32, len(p.words)+1)
	sum := 0
	for w := range out {
		out[w] = uint32(sum)
		sum += bits.OnesCount64(p.word(w))
	}
	return out
}

// number returns which value row r has, or -1 if it has none. ranks is what ranks returned.
func (p *presence) number(r int, ranks []uint32) int {
	switch p.form {
	case formAll:
		if r < p.n {
			return r
		}
	case formList:
		lo, hi := 0, len(p.rows)
		for lo < hi {
			if m := (lo + hi) / 2; int(p.rows[m]) < r {
				lo = m + 1
			} else {
				hi = m
			}
		}
		if lo < len(p.rows) && int(p.rows[lo]) == r {
			return lo
		}
	case formBits:
		w := p.word(r >> 6)
		if w>>(r&63)&1 == 1 {
			return int(ranks[r>>6]) + bits.OnesCount64(w&(1<<(r&63)-1))
		}
	}
	return -1
}

func (p *presence) bytes() int64 { return int64(2*cap(p.rows) + 8*cap(p.words)) }
