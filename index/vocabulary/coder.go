package vocabulary

import "unicode/utf8"

// Hole is a variable piece of a text: text[Start:End] stands for a hole of this kind.
type Hole struct {
	Kind       byte
	Start, End int
}

// CoderLimits bounds a Coder. Past either bound, texts of templates not yet known are kept raw.
type CoderLimits struct {
	Templates     int
	TemplateBytes int
}

// DefaultCoderLimits suits one text column: a hundred thousand templates are several times what the largest systems' logs have,
// and few enough to search one by one.
func DefaultCoderLimits() CoderLimits {
	return CoderLimits{Templates: 100_000, TemplateBytes: 32 << 20}
}

// Coder turns texts into templates and holes.
//
// A text of a known template costs one pass over its bytes and one look-up. A template not seen before goes the slow way: its words are
// compared with those of similar templates, and where words vary a lot the place becomes a HoleWord (see slots). The outcome
// depends on nothing but the sequence of texts. Not safe for concurrent use; snapshots from Templates are.
type Coder struct {
	limits    CoderLimits
	templates *Interner
	slots     slots
	aliases   aliases
	runaway   runaway

	// Of the text at hand.
	base  []byte // its template without learned word holes
	final []byte // and with them
	holes []Hole
	marks []mark
	words []Hole // what the final template's holes are, when base is not final
}

// mark is where the word of a hole begins, in the template and in the text: there a raw tail can begin.
type mark struct{ template, text int }

// NewCoder returns a coder that knows no templates.
func NewCoder(limits CoderLimits) *Coder {
	return &Coder{limits: limits, templates: NewInterner()}
}

// Templates returns the templates so far, by code. It stays valid and unchanged while the coder goes on; take it where Code is
// called, or under the same lock.
func (c *Coder) Templates() *Arena { return c.templates.Snapshot() }

// Len is the number of templates so far.
func (c *Coder) Len() int { return c.templates.Len() }

// Bytes is the memory held.
func (c *Coder) Bytes() int64 {
	return c.templates.Bytes() + int64(c.slots.bytes) + c.aliases.bytes() + c.runaway.bytes() + int64(cap(c.base)+cap(c.final))
}

// Code gives the code of text's template, and its holes in order: putting them into the template gives the text, byte for byte. The
// holes are valid until the next call.
func (c *Coder) Code(text []byte) (code uint32, holes []Hole) {
	c.runaway.texts++
	if len(text) > textBytesMax || !c.scan(text) || len(c.base) > templateBytesMax {
		return c.raw(text)
	}
	if code, ok := c.templates.Lookup(c.base); ok {
		return code, c.holes
	}
	return c.codeNew(text)
}

// raw keeps the text as it is. The template for that is kept even past the bounds.
func (c *Coder) raw(text []byte) (uint32, []Hole) {
	code, _ := c.templates.Intern(RawTemplate)
	c.holes = append(c.holes[:0], Hole{HoleRaw, 0, len(text)})
	return code, c.holes
}

// codeNew is for a base template that is not itself a known template.
func (c *Coder) codeNew(text []byte) (uint32, []Hole) {
	hash := Hash(c.base)
	if code, ok := c.aliases.find(hash); ok && c.fits(c.templates.At(code)) {
		return code, c.words
	}
	full := c.templates.Len() >= c.limits.Templates || len(c.templates.arena.Data)+len(c.base) > c.limits.TemplateBytes
	shut := c.runaway.shut(c.templates.Len())
	template := c.base
	if mask := c.slots.resolve(c.base, !full && !shut); mask != 0 {
		c.final = c.slots.apply(c.final[:0], c.base, mask)
		if countHoles(c.final) <= holesMax {
			template = c.final
		}
	}
	code, ok := c.templates.Lookup(template)
	if !ok {
		if full || shut && !c.runaway.again(Hash(template)) {
			return c.raw(text)
		}
		code, _ = c.templates.Intern(template)
	}
	if len(template) == len(c.base) && string(template) == string(c.base) {
		return code, c.holes
	}
	c.aliases.add(hash, code)
	if !c.fits(template) {
		// The template was made of this text a few lines above.
		panic("vocabulary: a template does not fit the text it was made of")
	}
	return code, c.words
}

// fits says whether putting words into t's word holes gives the base template, and then sets c.words to the holes of t.
func (c *Coder) fits(t []byte) bool {
	base, words := c.base, c.words[:0]
	defer func() { c.words = words }()
	i, k := 0, 0 // of base, and of c.holes
	textAt := 0  // the place in the text where base[i] stands
	for j := 0; j < len(t); j++ {
		if t[j] != HoleWord || i < len(base) && base[i] == HoleWord {
			if i >= len(base) || base[i] != t[j] {
				return false
			}
			if IsHole(base[i]) {
				words = append(words, c.holes[k])
				textAt = c.holes[k].End
				k++
			} else {
				textAt++
			}
			i++
			continue
		}
		end, _ := tokenEnd(base, i)
		if end == i {
			return false
		}
		start := textAt
		for ; i < end; i++ {
			if base[i] == HoleInt {
				textAt = c.holes[k].End
				k++
			} else {
				textAt++
			}
		}
		words = append(words, Hole{HoleWord, start, textAt})
	}
	return i == len(base)
}

// scan makes the base template of text. It is false if the text contains hole bytes (but for its raw tail, which is not looked at).
func (c *Coder) scan(text []byte) bool {
	c.base, c.holes, c.marks = c.base[:0], c.holes[:0], c.marks[:0]
	copied := 0 // text[:copied] is in the template
	for i := 0; ; {
		for i < len(text) && byteClass[text[i]] <= classWord {
			i++
		}
		if i == len(text) {
			break
		}
		switch byteClass[text[i]] {
		case classHole:
			return false
		case classHigh:
			_, size := utf8.DecodeRune(text[i:])
			i += size
			continue
		}
		if end := plainNumber(text, copied, i); end > 0 {
			c.base = append(c.base, text[copied:i]...)
			c.hole(HoleInt, i, i, end)
			copied, i = end, end
			if len(c.holes) > holesMax {
				c.cutTail(len(text))
				return true
			}
			continue
		}
		start := wordStart(text, copied, i)
		end, hole := scanWord(text, start)
		if s, e, ok := uuidAround(text, copied, start, end); ok {
			start, end, hole = s, e, HoleID
		}
		c.base = append(c.base, text[copied:start]...)
		if hole == HoleInt {
			c.ints(text, start, end)
		} else {
			c.hole(hole, start, start, end)
		}
		copied, i = end, end
		if len(c.holes) > holesMax {
			c.cutTail(len(text))
			return true
		}
	}
	c.base = append(c.base, text[copied:]...)
	return true
}

// plainNumber is the end of the number at text[i:] if it is a word by itself and no part of a UUID, which is the frequent case; else 0.
func plainNumber(text []byte, floor, i int) (end int) {
	if i > floor && (byteClass[text[i-1]] != classOther || text[i-1] == '-') {
		return 0
	}
	end = i + 1
	for end < len(text) && byteClass[text[end]] == classDigit {
		end++
	}
	if end-i > intDigitsMax || end < len(text) && (byteClass[text[end]] != classOther || text[end] == '-') {
		return 0
	}
	return end
}

// hole adds a hole for text[start:end], part of a word that begins at word.
func (c *Coder) hole(kind byte, word, start, end int) {
	c.marks = append(c.marks, mark{len(c.base), word})
	c.base = append(c.base, kind)
	c.holes = append(c.holes, Hole{kind, start, end})
}

// ints adds the word text[start:end] with a hole for each of its digit runs (but for those too long, which only words that can't be
// identifiers have).
func (c *Coder) ints(text []byte, start, end int) {
	word := len(c.base)
	for i := start; i < end; {
		if byteClass[text[i]] != classDigit {
			c.base = append(c.base, text[i])
			i++
			continue
		}
		run := i
		for i < end && byteClass[text[i]] == classDigit {
			i++
		}
		if i-run > intDigitsMax {
			c.base = append(c.base, text[run:i]...)
			continue
		}
		c.hole(HoleInt, start, run, i)
		c.marks[len(c.marks)-1].template = word
	}
}

// cutTail replaces what follows the first holesMax-1 holes by one HoleRaw, from the start of a word.
func (c *Coder) cutTail(textLen int) {
	m := c.marks[holesMax-1]
	keep := holesMax - 1
	for keep > 0 && c.holes[keep-1].Start >= m.text {
		keep--
	}
	c.base = append(c.base[:m.template], HoleRaw)
	c.holes = append(c.holes[:keep], Hole{HoleRaw, m.text, textLen})
}
