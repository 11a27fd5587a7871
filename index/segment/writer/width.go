package writer

import (
	"math"

	"clew/index/segment/pagecode"
)

// codesWidth is the bits of an index in a chunk whose dictionary has count entries. As few as it takes is smallest as long as all codes are equally
// frequent. Where some are more frequent than others, codes that fill bytes (4, 8 or 16 bits) are larger before and smaller after
// compression: zstd gives frequent bytes few bits, and can't see codes that begin in the middle of a byte.
func (w *chunkWriter) codesWidth(indices []uint32, count int) int {
	width := dictionaryWidth(count)
	aligned := 4
	if width > 4 {
		aligned = (width + 7) &^ 7
	}
	if width < 3 || width == aligned || aligned > 16 {
		return width
	}
	packed, entropy := 0, 0.0
	for at := 0; at < len(indices); at += w.pageRows {
		page := indices[at:min(at+w.pageRows, len(indices))]
		n, bits := w.codesEntropy(page, width > 8)
		packed += n * width
		entropy += bits
	}
	if entropy*widthGain < float64(packed)*(widthGain-1) {
		return aligned
	}
	return width
}

// codesEntropy counts the codes of a page that will not be in runs, and the bits that they take if each byte takes as many as its frequency is worth.
func (w *chunkWriter) codesEntropy(page []uint32, wide bool) (codes int, bits float64) {
	low, high := &w.lowBytes, &w.highBytes
	*low, *high = [256]uint32{}, [256]uint32{}
	for i := 0; i < len(page); {
		// As pagecode.AppendHybrid looks at them.
		if run := pagecode.RunLength(page[i:]); run >= pagecode.RunMin {
			i += run
			continue
		}
		for _, v := range page[i:min(i+8, len(page))] {
			low[byte(v)]++
			high[byte(v>>8)]++
			codes++
		}
		i += 8
	}
	bits = entropyOf(low, codes)
	if wide {
		bits += entropyOf(high, codes)
	}
	return codes, bits
}

// entropyOf is about the bits of n symbols of these frequencies in a Huffman code, which gives none less than one bit, and of the
// table that says what they are.
func entropyOf(frequencies *[256]uint32, n int) float64 {
	if n == 0 {
		return 0
	}
	bits, whole := 0.0, math.Log2(float64(n))
	for _, f := range frequencies {
		if f > 0 {
			bits += float64(f)*max(1, whole-math.Log2(float64(f))) + tableBits
		}
	}
	return bits
}
