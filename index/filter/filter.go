// Package filter keeps sets of hashes in little space, to say that something is not in a row group or a part before any of it is
// read. A filter never denies a member; it admits one in 256 of the hashes that are not members.
//
// Large sets are binary fuse filters of 8 bits (about 9 bits a member); small ones are lists of the hashes' upper halves, which are
// smaller than a fuse filter's fixed cost and err once in millions.
//
// A filter as bytes, little endian:
//
//	list: kind 1, count uint32, count * uint32 ascending
//	fuse: kind 2, log2 of the segment's length uint8, segments uint32, seed uint64, (segments+2) * length fingerprints of one byte
package filter

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"sort"

	"github.com/FastFilter/xorfilter"
)

const (
	kindList = 1
	kindFuse = 2

	listHeader = 1 + 4
	fuseHeader = 1 + 1 + 4 + 8

	// listMax is the largest set kept as a list.
	listMax = 48
	// segmentBitsMax is the largest segment that the library makes.
	segmentBitsMax = 18
	// fingerprintsMax bounds what Open takes; it is half a billion members.
	fingerprintsMax = 1 << 30
)

// Filter is an immutable set of hashes. A nil *Filter admits every hash: nothing is known.
type Filter struct {
	list []byte // of kindList: count * uint32
	fuse *xorfilter.BinaryFuse[uint8]
}

// Build makes a filter of hashes, which it sorts.
func Build(hashes []uint64) *Filter {
	slices.Sort(hashes)
	hashes = slices.Compact(hashes)
	if len(hashes) > listMax {
		// Making a fuse filter fails with a probability that is negligible; a list is right then too.
		if fuse, err := xorfilter.NewBinaryFuse[uint8](hashes); err == nil {
			return &Filter{fuse: fuse}
		}
		slices.Sort(hashes)
	}
	f := &Filter{list: make([]byte, 0, 4*len(hashes))}
	for _, h := range hashes {
		f.list = binary.LittleEndian.AppendUint32(f.list, uint32(h>>32))
	}
	return f
}

// Contains is false only if hash is not in the set.
func (f *Filter) Contains(hash uint64) bool {
	switch {
	case f == nil:
		return true
	case f.fuse != nil:
		return f.fuse.Contains(hash)
	}
	n := len(f.list) / 4
	half := uint32(hash >> 32)
	i := sort.Search(n, func(i int) bool { return binary.LittleEndian.Uint32(f.list[4*i:]) >= half })
	return i < n && binary.LittleEndian.Uint32(f.list[4*i:]) == half
}

// Append appends the filter's bytes to dst.
func (f *Filter) Append(dst []byte) []byte {
	if f.fuse == nil {
		dst = append(dst, kindList)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(f.list)/4))
		return append(dst, f.list...)
	}
	dst = append(dst, kindFuse, byte(bits.TrailingZeros32(f.fuse.SegmentLength)))
	dst = binary.LittleEndian.AppendUint32(dst, f.fuse.SegmentCount)
	dst = binary.LittleEndian.AppendUint64(dst, f.fuse.Seed)
	return append(dst, f.fuse.Fingerprints...)
}

// Size is the number of bytes that Append appends.
func (f *Filter) Size() int {
	if f.fuse == nil {
		return listHeader + len(f.list)
	}
	return fuseHeader + len(f.fuse.Fingerprints)
}

var errShort = errors.New("filter: cut short")

// Open reads a filter from exactly the bytes that Append made. The filter aliases data.
func Open(data []byte) (*Filter, error) {
	if len(data) < 1 {
		return nil, errShort
	}
	switch data[0] {
	case kindList:
		if len(data) < listHeader {
			return nil, errShort
		}
		n := binary.LittleEndian.Uint32(data[1:])
		if uint64(len(data)-listHeader) != 4*uint64(n) {
			return nil, fmt.Errorf("filter: list of %d in %d bytes", n, len(data))
		}
		return &Filter{list: data[listHeader:]}, nil
	case kindFuse:
		return openFuse(data)
	}
	return nil, fmt.Errorf("filter: unknown kind %d", data[0])
}

func openFuse(data []byte) (*Filter, error) {
	if len(data) < fuseHeader {
		return nil, errShort
	}
	segmentBits, segments := data[1], binary.LittleEndian.Uint32(data[2:])
	if segmentBits > segmentBitsMax || segments == 0 {
		return nil, fmt.Errorf("filter: %d segments of 2^%d", segments, segmentBits)
	}
	n := (uint64(segments) + 2) << segmentBits
	if n > fingerprintsMax || n != uint64(len(data)-fuseHeader) {
		return nil, fmt.Errorf("filter: %d fingerprints in %d bytes", n, len(data))
	}
	length := uint32(1) << segmentBits
	// With these, every index that the library computes is below n.
	return &Filter{fuse: &xorfilter.BinaryFuse[uint8]{
		Seed:               binary.LittleEndian.Uint64(data[6:]),
		SegmentLength:      length,
		SegmentLengthMask:  length - 1,
		SegmentCount:       segments,
		SegmentCountLength: segments << segmentBits,
		Fingerprints:       data[fuseHeader:],
	}}, nil
}
