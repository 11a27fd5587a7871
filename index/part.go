// Package index says what a searchable part is: rows of one signal and tenant, as coded columns over small vocabularies.
//
// Two things are parts: a sealed segment (index/segment) and a generation of a head (index/table). The query engine reads both
// through [Part]; the segment writer reads its input through it too, so that sealing a head and merging segments are one code path.
//
// Index the vocabulary, not the rows: a predicate is first answered over a column's vocabulary (its distinct values, or the
// distinct templates of its texts), which gives codes; codes give rows; only rows that may match are rebuilt and tested. The index
// prunes, the text decides.
package index

import (
	"context"
	"fmt"

	"clew/index/vocabulary"
	"clew/internal/telemetry"
)

// Kind is how a column is stored.
type Kind uint8

// The kinds. The numbers are written to disk: never renumber them.
const (
	// KindValue: codes over a vocabulary of distinct values. Any type but TypeTime may be a value column; the vocabulary holds the
	// values' text (integers and doubles in their shortest decimal form, bools as true and false, bytes raw).
	KindValue Kind = 1
	// KindText: codes over a vocabulary of templates, plus variables (TypeString and TypeJSON).
	KindText Kind = 2
	// KindRaw: the values themselves (strings, JSON, bytes, ids), near-unique; with a filter per row group.
	KindRaw Kind = 3
	// KindInt: int64 (TypeInt, TypeTime).
	KindInt Kind = 4
	// KindDouble: float64.
	KindDouble Kind = 5
)

func (k Kind) String() string {
	return [...]string{"none", "value", "text", "raw", "int", "double"}[min(int(k), 5)]
}

// NullCode stands in Codes for a row without a value.
const NullCode = ^uint32(0)

// Whole, given as a row group to MayContain, asks about the whole part.
const Whole = -1

// ColumnInfo describes a column of a part.
type ColumnInfo struct {
	telemetry.Column
	Kind     Kind
	Overflow bool   // kept in the overflow column: Bytes works (values as text), nothing is pruned
	NonNull  uint64 // rows that have a value
	Distinct uint32 // size of the vocabulary (KindValue, KindText)
}

// RowGroupInfo describes a row group. Row groups are ordered by time (logs, metrics: by MinTime; spans: by trace id).
type RowGroupInfo struct {
	Rows    int
	MinTime int64 // of the ordering time, nanoseconds
	MaxTime int64
}

// Info describes a part.
type Info struct {
	ID      string // unique: the segment's name, or the head generation's
	Signal  telemetry.Signal
	Tenant  string
	Shard   int
	Head    bool
	Rows    int
	MinTime int64
	MaxTime int64
	Bytes   int64 // on disk, or in memory
	// SortedBy is the column by whose codes the rows of each row group are sorted (rows of a code are then one run, in the
	// histogram's order), or -1.
	SortedBy int
}

// Histogram counts the codes of a column in a row group.
type Histogram struct {
	Codes  []uint32 // ascending
	Counts []uint32
	Nulls  int
}

// Ints are the values of an int column in a row group. Where Valid is nil all rows have a value; else Valid[i/64]>>(i%64)&1 says so.
type Ints struct {
	Values []int64
	Valid  []uint64
}

// Doubles are the values of a double column in a row group.
type Doubles struct {
	Values []float64
	Valid  []uint64
}

// Bytes are the values of a raw column in a row group: Data[Offsets[i]:Offsets[i+1]].
type Bytes struct {
	Data    []byte
	Offsets []uint32 // rows+1
	Valid   []uint64
}

// At returns row i's value; it aliases Data.
func (b Bytes) At(i int) []byte { return b.Data[b.Offsets[i]:b.Offsets[i+1]] }

// IsValid says whether row i of a column with this validity has a value.
func IsValid(valid []uint64, i int) bool { return valid == nil || valid[i>>6]>>(i&63)&1 == 1 }

// TextRows are the rows of a text column in one row group. It is safe for use by one goroutine at a time.
type TextRows interface {
	// Code is row's template, or NullCode.
	Code(row int) uint32
	// Var appends the k-th variable of row's text, as it stands in the text, to dst. k counts all holes of the template from 0.
	AppendVar(dst []byte, row, k int) []byte
	// IntVar is the k-th variable if it fills a vocabulary.HoleInt, in its encoded form (vocabulary.EncodeInt).
	IntVar(row, k int) int64
	// AppendText appends row's text to dst (nothing if null).
	AppendText(dst []byte, row int) []byte
}

// TextRuns is TextRows that reads variables when they are asked for, and lends those of neighbouring rows at once. first to first+n-1 are rows
// of one template, whose k-th hole is meant. What is lent must not be changed.
type TextRuns interface {
	TextRows
	// Codes are the rows' templates, or NullCode.
	Codes() []uint32
	// Load reads the rows' variables. All methods that give variables of rows, AppendText too, are for those loaded before.
	Load(ctx context.Context, first, n, k int) error
	// IntRun is for a vocabulary.HoleInt: the rows' values, encoded (vocabulary.EncodeInt).
	IntRun(first, n, k int) []int64
	// BytesRun is for the other holes: row first+i has data[offsets[i]:offsets[i+1]].
	BytesRun(first, n, k int) (data []byte, offsets []uint32)
}

// Part is rows that can be searched. All methods are safe for concurrent use. What they return is shared and must not be
// changed; it stays valid until the part is released. An error is either the context's or a *DamageError, or the store's.
type Part interface {
	Info() Info
	// Columns is every column of the part, in Column.Compare's order. col below is an index into it.
	Columns() []ColumnInfo
	RowGroups() []RowGroupInfo

	// Vocabulary returns the entries by code (KindValue: values' text; KindText: templates).
	Vocabulary(ctx context.Context, col int) (*vocabulary.Arena, error)
	// Histogram counts codes in a row group (KindValue, KindText); ok is false where none is kept (heads).
	Histogram(ctx context.Context, col, rg int) (h Histogram, ok bool, err error)
	// MayContain is false only if no value of a raw column (or no word inside the non-integer variables of a text column) in row
	// group rg (or the part: Whole) has the hash. Raw: vocabulary.Hash(value). Text: vocabulary.HashWord(word).
	MayContain(ctx context.Context, col, rg int, hash uint64) (bool, error)

	Codes(ctx context.Context, col, rg int) ([]uint32, error)  // KindValue, KindText
	Ints(ctx context.Context, col, rg int) (Ints, error)       // KindInt
	Doubles(ctx context.Context, col, rg int) (Doubles, error) // KindDouble
	Bytes(ctx context.Context, col, rg int) (Bytes, error)     // KindRaw, and overflow columns
	Text(ctx context.Context, col, rg int) (TextRows, error)   // KindText

	// BytesRead is how many bytes have been read from the store for this part (0 for a head). For statistics.
	BytesRead() int64
}

// DamageError says that an object on disk is not what was written. It names the file, the offset and the cause.
type DamageError struct {
	File   string
	Offset int64
	What   string
}

func (e *DamageError) Error() string {
	return fmt.Sprintf("%s: damaged at offset %d: %s", e.File, e.Offset, e.What)
}
