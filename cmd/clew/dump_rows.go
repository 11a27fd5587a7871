package main

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"unicode/utf8"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/internal/telemetry"
)

// looseFiles is a Store of the one segment whose files are in a directory, whatever that is called. It writes nothing.
type looseFiles struct{ dir string }

// findSegment finds the segment that a file, or an object of an object store, belongs to.
func findSegment(ctx context.Context, where string) (id string, st store.Store, closer io.Closer, err error) {
	if !isURL(where) {
		id, st, err = looseSegment(where)
		return id, st, io.NopCloser(nil), err
	}
	u, err := url.Parse(where)
	if err != nil {
		return "", nil, nil, fmt.Errorf("want scheme://bucket/prefix/%s<id>.index", segment.Prefix) // the parser's error quotes what may be secret
	}
	at := strings.LastIndex(u.Path, "/"+segment.Prefix)
	id, ok := segment.IDOf(u.Path[at+1:])
	if at < 0 || !ok {
		return "", nil, nil, fmt.Errorf("%s: want the object of a segment: scheme://bucket/prefix/%s<id>.index", u.Redacted(), segment.Prefix)
	}
	u.Path = u.Path[:at]
	st, closer, err = openBucket(ctx, u.String())
	return id, st, closer, err
}

// looseSegment finds the segment that a file belongs to.
func looseSegment(file string) (id string, st store.Store, err error) {
	base := filepath.Base(file)
	id, ok := segment.IDOf(segment.Prefix + base)
	if !ok {
		return "", nil, fmt.Errorf("%s: want a segment's .parquet or .index", file)
	}
	if _, err := os.Stat(file); err != nil {
		return "", nil, err
	}
	return id, looseFiles{filepath.Dir(file)}, nil
}

func (l looseFiles) path(name string) string {
	return filepath.Join(l.dir, strings.TrimPrefix(name, segment.Prefix))
}

func (l looseFiles) ReadAt(_ context.Context, name string, p []byte, off int64) error {
	f, err := os.Open(l.path(name))
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := io.ReadFull(io.NewSectionReader(f, off, int64(len(p))), p); err != nil {
		return fmt.Errorf("read %s at %d: %w", name, off, io.ErrUnexpectedEOF)
	}
	return nil
}

func (l looseFiles) Size(_ context.Context, name string) (int64, error) {
	info, err := os.Stat(l.path(name))
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

func (looseFiles) Put(_ context.Context, name string, _ func(io.Writer) error) (int64, error) {
	return 0, fmt.Errorf("put %s: %w", name, fs.ErrPermission)
}

func (looseFiles) Delete(_ context.Context, name string) error {
	return fmt.Errorf("delete %s: %w", name, fs.ErrPermission)
}

func (looseFiles) List(context.Context, string) ([]store.Object, error) { return nil, nil }

// dumpRows prints rows as JSON objects with their fields in the columns' order, those without a value left out.
func dumpRows(ctx context.Context, out io.Writer, s *segment.Segment, limit int) error {
	left := limit
	names := make([][]byte, len(s.Columns()))
	for i, c := range s.Columns() {
		name := c.Name()
		if i > 0 && s.Columns()[i-1].Name() == name {
			name = c.String() // a second type of the same key
		}
		text, err := json.Marshal(name)
		if err != nil {
			return err
		}
		names[i] = text
	}
	var line []byte
	for rg, g := range s.RowGroups() {
		cells := make([]func(dst []byte, row int) []byte, len(names))
		for col := range names {
			var err error
			if cells[col], err = cellsOf(ctx, s, col, rg); err != nil {
				return err
			}
		}
		for row := range g.Rows {
			if limit > 0 && left == 0 {
				return nil
			}
			left--
			line = append(line[:0], '{')
			for col, cell := range cells {
				start := len(line)
				if start > 1 {
					line = append(line, ',')
				}
				line = append(append(line, names[col]...), ':')
				before := len(line)
				if line = cell(line, row); len(line) == before {
					line = line[:start]
				}
			}
			if _, err := out.Write(append(line, '}', '\n')); err != nil {
				return err
			}
		}
	}
	return nil
}

// cellsOf gives what appends a row's value of a column in a row group as JSON, nothing if it has none.
func cellsOf(ctx context.Context, s *segment.Segment, col, rg int) (func(dst []byte, row int) []byte, error) {
	c := s.Columns()[col]
	kind := c.Kind
	if c.Overflow {
		kind = index.KindRaw
	}
	switch kind {
	case index.KindValue:
		arena, err := s.Vocabulary(ctx, col)
		if err != nil {
			return nil, err
		}
		codes, err := s.Codes(ctx, col, rg)
		return func(dst []byte, row int) []byte {
			if codes[row] == index.NullCode {
				return dst
			}
			return appendCell(dst, c.Type, arena.At(int(codes[row])))
		}, err
	case index.KindText:
		rows, err := s.Text(ctx, col, rg)
		var text []byte
		return func(dst []byte, row int) []byte {
			if rows.Code(row) == index.NullCode {
				return dst
			}
			text = rows.AppendText(text[:0], row)
			return appendCell(dst, c.Type, text)
		}, err
	case index.KindInt:
		ints, err := s.Ints(ctx, col, rg)
		return func(dst []byte, row int) []byte {
			if !index.IsValid(ints.Valid, row) {
				return dst
			}
			return strconv.AppendInt(dst, ints.Values[row], 10)
		}, err
	case index.KindDouble:
		doubles, err := s.Doubles(ctx, col, rg)
		return func(dst []byte, row int) []byte {
			if !index.IsValid(doubles.Valid, row) {
				return dst
			}
			return appendCell(dst, c.Type, strconv.AppendFloat(nil, doubles.Values[row], 'g', -1, 64))
		}, err
	}
	raw, err := s.Bytes(ctx, col, rg)
	return func(dst []byte, row int) []byte {
		if !index.IsValid(raw.Valid, row) {
			return dst
		}
		return appendCell(dst, c.Type, raw.At(row))
	}, err
}

// appendCell appends a value's text as JSON: numbers and truth values as such, JSON as it is, bytes (and text that is not UTF-8) in hex.
func appendCell(dst []byte, t telemetry.Type, text []byte) []byte {
	switch t {
	case telemetry.TypeInt, telemetry.TypeTime, telemetry.TypeBool, telemetry.TypeDouble, telemetry.TypeJSON:
		if json.Valid(text) { // NaN is not
			return append(dst, text...)
		}
	case telemetry.TypeBytes:
		return strconv.AppendQuote(dst, hex.EncodeToString(text))
	}
	if !utf8.Valid(text) {
		return strconv.AppendQuote(dst, hex.EncodeToString(text))
	}
	quoted, err := json.Marshal(string(text))
	if err != nil {
		return append(dst, "null"...) // strings always have a form
	}
	return append(dst, quoted...)
}
