package lines

import "bytes"

// Splitter cuts the bytes of a file into records: one or several lines each. It is safe for concurrent use: what it must know of a record
// it finds out from the record's own bytes, so that a reader can stop anywhere and go on after a restart.
type Splitter struct {
	Framing Framing
	// Single makes each line a record of its own.
	Single bool
}

// Split is a bufio.SplitFunc. A record is complete when the line after it begins another; until that line is there, the record is not given
// out, whatever atEOF says: a file that is being written always ends here. Whoever reads gives out the last record after a while of silence.
func (s Splitter) Split(data []byte, _ bool) (advance int, token []byte, err error) {
	end, next := s.first(data, false)
	if next == 0 {
		return 0, nil, nil
	}
	return next, data[:end], nil
}

// Records calls yield with each record of data, which ends where the reader stopped: with a newline or without.
func (s Splitter) Records(data []byte, yield func(record []byte)) {
	for len(data) > 0 {
		end, next := s.first(data, true)
		if next == 0 {
			end, next = len(data), len(data)
		}
		yield(data[:end])
		data = data[next:]
	}
}

// first finds the first record of data: its end without the last newline, and where the next one begins. next is 0 if data must be
// longer to tell. With all set, data is all there is.
func (s Splitter) first(data []byte, all bool) (end, next int) {
	var r record
	for pos := 0; pos < len(data); {
		line := data[pos:]
		after, whole := len(data), false
		if i := bytes.IndexByte(line, '\n'); i >= 0 {
			line, after, whole = line[:i], pos+i+1, true
		}
		if pos > 0 && (r.lines >= recordLinesMax || after > recordBytesMax) {
			return end, next
		}
		if !whole && !all {
			return 0, 0
		}
		if pos == 0 {
			s.begin(&r, line)
		} else if !s.take(&r, line) {
			return end, next
		}
		end, next = pos+len(line), after
		if s.Single && !r.open() {
			return end, next
		}
		pos = after
	}
	if all {
		return end, next
	}
	return 0, 0
}

func (s Splitter) begin(r *record, line []byte) {
	l := s.unframe(line)
	*r = begin(l.Text)
	r.note(l)
}

func (s Splitter) take(r *record, line []byte) bool {
	l := s.unframe(line)
	if !r.open() && (s.Single || !r.take(l.Text)) {
		return false
	}
	r.note(l)
	return true
}

func (s Splitter) unframe(line []byte) Framed {
	if s.Framing == Plain {
		return Framed{Text: line}
	}
	return s.Framing.Unframe(line)
}

// Text is one record as its writer wrote it: the texts of its lines, joined.
type Text struct {
	Body   []byte
	Stream string
	Time   int64 // of the first line's framing; 0: not stated
}

// Texts takes the framing off a record. Where stdout and stderr mix in it, there is a text for each.
func (s Splitter) Texts(record []byte, yield func(Text)) {
	record = bytes.TrimSuffix(record, []byte("\r"))
	if s.Framing == Plain {
		yield(Text{Body: record})
		return
	}
	if bytes.IndexByte(record, '\n') < 0 {
		l := s.Framing.Unframe(record)
		yield(Text{Body: l.Text, Stream: l.Stream, Time: l.Time})
		return
	}
	var texts []Text
	parts := map[string]bool{} // streams whose last line was a part
	for line := range bytes.SplitSeq(record, []byte("\n")) {
		l := s.Framing.Unframe(line)
		at := -1
		for i := range texts {
			if texts[i].Stream == l.Stream {
				at = i
			}
		}
		if at < 0 {
			texts = append(texts, Text{Body: append([]byte(nil), l.Text...), Stream: l.Stream, Time: l.Time})
		} else {
			if !parts[l.Stream] {
				texts[at].Body = append(texts[at].Body, '\n')
			}
			texts[at].Body = append(texts[at].Body, l.Text...)
		}
		parts[l.Stream] = l.Part
	}
	for _, t := range texts {
		yield(t)
	}
}
