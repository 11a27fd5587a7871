package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clew/index"
	"clew/index/segment"
)

type dumpOptions struct {
	json, rows bool
	templates  string
	limit      int
}

func newDumpCommand() *cobra.Command {
	var o dumpOptions
	cmd := &cobra.Command{
		Use:   "dump [flags] FILE|URL",
		Short: "Show what is in a segment: columns, encodings, bytes, templates, rows",
		Long: `Show a segment: its columns with kind, distinct entries, bytes and encodings, largest first. FILE is its .parquet or its .index; both must be beside each other.
A URL is that of the object store, with the object's name before the parameters.
With --templates the templates of a text column, or the values of a value column, with the number of rows, most frequent first; holes are <int>, <id>, <word> and <*>.
With --rows the rows as JSON, one a line, in the segment's order. It reads files only, whether a clew runs or not.`,
		Example: `  clew dump clew-data/segments/segments/0000-logs-20261121T120055.244097377Z-c6dd97aeebb606ee.index
  clew dump 's3://telemetry/clew/segments/0000-logs-20261121T120055.244097377Z-c6dd97aeebb606ee.index?region=eu-north-1'
  clew dump --templates body --limit 20 FILE
  clew dump --rows --limit 100 FILE | jq .body
  clew dump --json FILE | jq '.layout.leaves[] | {name, stored: ([.chunks[].stored] | add)}'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd.OutOrStdout(), args[0]) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print all metadata as JSON, with every chunk and section")
	f.BoolVar(&o.rows, "rows", false, "print rows as JSON")
	f.StringVar(&o.templates, "templates", "", "print the entries of a `column`'s vocabulary")
	f.IntVar(&o.limit, "limit", 0, "at most so many rows or entries (default: all)")
	return cmd
}

func (o *dumpOptions) run(ctx context.Context, w io.Writer, file string) error {
	id, st, closer, err := findSegment(ctx, file)
	if err != nil {
		return err
	}
	defer closer.Close()
	s, err := segment.Open(ctx, st, id, segment.NewCache(dumpCacheBytes, 0))
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	switch {
	case o.rows:
		err = dumpRows(ctx, out, s, o.limit)
	case o.templates != "":
		err = dumpEntries(ctx, out, s, o.templates, o.limit)
	case o.json:
		err = dumpJSON(out, s)
	default:
		dumpColumns(out, s)
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// dumpCacheBytes holds a row group's columns, decoded.
const dumpCacheBytes = 64 << 20

type dumpedColumn struct {
	Name     string `json:"name"`
	Type     string `json:"type"`
	Kind     string `json:"kind"`
	Overflow bool   `json:"overflow,omitempty"`
	NonNull  uint64 `json:"nonNull"`
	Distinct uint32 `json:"distinct,omitempty"`
}

func dumpJSON(out io.Writer, s *segment.Segment) error {
	type rowGroup struct {
		Rows    int       `json:"rows"`
		MinTime time.Time `json:"minTime"`
		MaxTime time.Time `json:"maxTime"`
	}
	info := s.Info()
	d := struct {
		ID      string         `json:"id"`
		Version int            `json:"version"`
		Signal  string         `json:"signal"`
		Tenant  string         `json:"tenant"`
		Shard   int            `json:"shard"`
		Rows    int            `json:"rows"`
		Records int            `json:"records"`
		Bytes   int64          `json:"bytes"`
		Columns []dumpedColumn `json:"columns"`
		Groups  []rowGroup     `json:"rowGroups"`
		Layout  segment.Layout `json:"layout"`
	}{ID: info.ID, Version: s.FormatVersion(), Signal: info.Signal.String(), Tenant: info.Tenant, Shard: info.Shard, Rows: info.Rows, Records: s.Records(), Bytes: info.Bytes, Layout: s.Layout()}
	for _, c := range s.Columns() {
		d.Columns = append(d.Columns, dumpedColumn{c.Name(), c.Type.String(), c.Kind.String(), c.Overflow, c.NonNull, c.Distinct})
	}
	for _, g := range s.RowGroups() {
		d.Groups = append(d.Groups, rowGroup{g.Rows, time.Unix(0, g.MinTime).UTC(), time.Unix(0, g.MaxTime).UTC()})
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(d)
}

// columnSums is what a column takes in both files.
type columnSums struct {
	rows, index int64
	encodings   []string
}

func dumpColumns(out io.Writer, s *segment.Segment) {
	info, layout := s.Info(), s.Layout()
	fmt.Fprintf(out, "segment   %s (format version %d)\n", info.ID, s.FormatVersion())
	fmt.Fprintf(out, "%s of tenant %s, shard %d: %d rows, %d records, %d row groups\n", info.Signal, info.Tenant, info.Shard, info.Rows, s.Records(), len(s.RowGroups()))
	fmt.Fprintf(out, "time      %s to %s\n", time.Unix(0, info.MinTime).UTC().Format(time.RFC3339Nano), time.Unix(0, info.MaxTime).UTC().Format(time.RFC3339Nano))
	fmt.Fprintf(out, "bytes     %d, %.1f a row; footer %d, metadata %d\n\n", info.Bytes, float64(info.Bytes)/float64(info.Rows), layout.FooterBytes, layout.MetadataBytes)

	sums := make([]columnSums, len(s.Columns())+1) // the last is the overflow column's
	for _, l := range layout.Leaves {
		sum := &sums[(l.Column+len(sums))%len(sums)]
		for _, c := range l.Chunks {
			sum.rows += c.Stored
			encoding := fmt.Sprintf("%s/%s", c.Encoding, c.Codec)
			if !slices.Contains(sum.encodings, encoding) {
				sum.encodings = append(sum.encodings, encoding)
			}
		}
	}
	other := int64(0)
	for _, sec := range layout.Sections {
		if sec.Column >= 0 && sec.Column < len(s.Columns()) && sec.Kind != "pages" {
			sums[sec.Column].index += sec.Stored
		} else {
			other += sec.Stored
		}
	}
	order := make([]int, len(sums))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(sums[b].rows+sums[b].index, sums[a].rows+sums[a].index) })
	fmt.Fprintf(out, "%-40s %-8s %10s %9s %10s %10s %7s  %s\n", "column", "kind", "values", "distinct", "parquet", "index", "B/row", "encodings")
	for _, i := range order {
		c := dumpedColumn{Name: "overflow", Kind: "overflow"}
		if i < len(s.Columns()) {
			info := s.Columns()[i]
			c = dumpedColumn{info.String(), info.Type.String(), info.Kind.String(), info.Overflow, info.NonNull, info.Distinct}
		}
		if sums[i].rows == 0 && i == len(s.Columns()) {
			continue
		}
		fmt.Fprintf(out, "%-40s %-8s %10d %9d %10d %10d %7.2f  %s\n", c.Name, c.Kind, c.NonNull, c.Distinct, sums[i].rows, sums[i].index,
			float64(sums[i].rows+sums[i].index)/float64(info.Rows), strings.Join(sums[i].encodings, " "))
	}
	if other > 0 {
		fmt.Fprintf(out, "%-40s %-8s %10s %9s %10s %10d\n", "(pages)", "", "", "", "", other)
	}
}

var holeNames = strings.NewReplacer("\x01", "<int>", "\x02", "<id>", "\x03", "<word>", "\x04", "<*>")

// dumpEntries prints a vocabulary with the rows of each entry.
func dumpEntries(ctx context.Context, out io.Writer, s *segment.Segment, name string, limit int) error {
	col := slices.IndexFunc(s.Columns(), func(c index.ColumnInfo) bool { return c.Name() == name || c.String() == name })
	if col < 0 {
		return fmt.Errorf("no column %q in the segment", name)
	}
	if kind := s.Columns()[col].Kind; kind != index.KindText && kind != index.KindValue {
		return fmt.Errorf("column %s is of kind %s: it has no vocabulary", name, kind)
	}
	arena, err := s.Vocabulary(ctx, col)
	if err != nil {
		return err
	}
	counts := make([]uint64, arena.Len())
	for rg := range s.RowGroups() {
		h, _, err := s.Histogram(ctx, col, rg)
		if err != nil {
			return err
		}
		for i, code := range h.Codes {
			counts[code] += uint64(h.Counts[i])
		}
	}
	order := make([]int, len(counts))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(counts[b], counts[a]) })
	if limit > 0 && limit < len(order) {
		order = order[:limit]
	}
	for _, code := range order {
		text := string(arena.At(code))
		if s.Columns()[col].Kind == index.KindText {
			text = holeNames.Replace(text)
		}
		if _, err := fmt.Fprintf(out, "%9d  %q\n", counts[code], text); err != nil {
			return err
		}
	}
	return nil
}
