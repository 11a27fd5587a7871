package vocabulary

import (
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// Interner gives each distinct string a code, counting from 0: a hash table beside an Arena. One goroutine may write; snapshots
// may be read by any.
type Interner struct {
	arena Arena
	// table is open addressing with linear probing; its length is a power of two, at least 4/3 of the entries. An entry is the upper half of the
	// string's hash, and code+1; 0 is free.
	table []uint64
}

const internerTableMin = 64

// NewInterner returns an empty interner.
func NewInterner() *Interner { return &Interner{table: make([]uint64, internerTableMin)} }

// Len is the number of distinct strings.
func (n *Interner) Len() int { return n.arena.Len() }

// Bytes is the memory held.
func (n *Interner) Bytes() int64 {
	return int64(cap(n.arena.Data)) + 4*int64(cap(n.arena.Offsets)) + 8*int64(cap(n.table)) + int64(unsafe.Sizeof(*n))
}

// At returns the string with a code; it stays valid.
func (n *Interner) At(code uint32) []byte { return n.arena.At(int(code)) }

// Snapshot returns the strings so far. It stays valid and unchanged while the interner goes on; take it where Intern is called, or
// under the same lock.
func (n *Interner) Snapshot() *Arena {
	d, o := n.arena.Data, n.arena.Offsets
	return &Arena{Data: d[:len(d):len(d)], Offsets: o[:len(o):len(o)]}
}

// Lookup finds the code of s.
func (n *Interner) Lookup(s []byte) (code uint32, ok bool) { return n.lookup(s, xxhash.Sum64(s)) }

func (n *Interner) lookup(s []byte, hash uint64) (code uint32, ok bool) {
	mask := uint64(len(n.table) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		e := n.table[i]
		if e == 0 {
			return 0, false
		}
		if e>>32 == hash>>32 {
			code = uint32(e) - 1
			if string(n.arena.At(int(code))) == string(s) {
				return code, true
			}
		}
	}
}

// Intern returns the code of s, which it copies if it is new. The caller bounds how much it interns: an Arena holds less than 4 GB.
func (n *Interner) Intern(s []byte) (code uint32, added bool) {
	hash := xxhash.Sum64(s)
	if code, ok := n.lookup(s, hash); ok {
		return code, false
	}
	return n.add(s, hash), true
}

// InternString is Intern for a string.
func (n *Interner) InternString(s string) (code uint32, added bool) {
	return n.Intern(unsafe.Slice(unsafe.StringData(s), len(s)))
}

func (n *Interner) add(s []byte, hash uint64) uint32 {
	if 4*(n.arena.Len()+1) > 3*len(n.table) {
		n.grow()
	}
	code := n.arena.Append(s)
	n.place(hash, code)
	return code
}

func (n *Interner) place(hash uint64, code uint32) {
	mask := uint64(len(n.table) - 1)
	i := hash & mask
	for n.table[i] != 0 {
		i = (i + 1) & mask
	}
	n.table[i] = hash>>32<<32 | uint64(code+1)
}

func (n *Interner) grow() {
	n.table = make([]uint64, 2*len(n.table))
	for code := range n.arena.Len() {
		n.place(xxhash.Sum64(n.arena.At(code)), uint32(code))
	}
}
