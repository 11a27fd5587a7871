package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"clew/internal/clock"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/export"
)

const (
	// exportTrailer is the trailer of an export that went to its end: the number of records in it. One that broke off has none.
	exportTrailer = "Clew-Exported"
	// lackTrailer is the trailer of an export that may be partial, and is: what it lacks.
	lackTrailer = "Clew-Partial"
)

// PartialError says that an answer that has to be whole would not be.
type PartialError struct{ Why []string }

func (e *PartialError) Error() string { return "the answer is partial: " + strings.Join(e.Why, "; ") }

// whole is what is wrong with an answer that has to be whole.
func whole(stats *engine.Stats) error {
	if len(stats.Partial) == 0 {
		return nil
	}
	return &PartialError{stats.Partial}
}

// exporter writes the pages of an export.
type exporter interface {
	write(records []engine.Record) error
	close() error
}

// exporting is one export.
type exporting struct {
	server *Server
	ask    engine.Search
	out    exporter
	kind   string // the content type
	// partial says that what cannot be read may be left out; lacks is what was.
	partial bool
	lacks   []string
	written int
}

// export streams all records that match, oldest first. It is whole or an error, unless it may be partial: who keeps a copy does not look at statistics.
func (s *Server) export(c *gin.Context) {
	x, err := s.newExporting(c)
	if err != nil {
		s.failed(c, err)
		return
	}
	found, err := s.deps.Engine.Search(c.Request.Context(), x.ask)
	if err == nil {
		err = x.check(&found.Stats)
	}
	if err != nil { // nothing has been sent: the status can still say why
		s.failed(c, err)
		return
	}
	c.Header("Content-Type", x.kind)
	c.Header("Trailer", exportTrailer)
	if x.partial {
		c.Writer.Header().Add("Trailer", lackTrailer)
	}
	c.Status(http.StatusOK)
	if err := x.stream(c, found); err != nil {
		if c.Request.Context().Err() == nil {
			s.deps.Logger.Error("an export ended early", "records", x.written, "error", err)
		}
		// The status has been sent. Breaking the connection is what every client notices.
		panic(http.ErrAbortHandler)
	}
	c.Header(exportTrailer, fmt.Sprint(x.written))
	if len(x.lacks) > 0 {
		c.Header(lackTrailer, strings.Join(x.lacks, "; "))
	}
}

// newExporting reads the request.
func (s *Server) newExporting(c *gin.Context) (*exporting, error) {
	r, err := request(c, "format", "partial")
	if err != nil {
		return nil, err
	}
	if r.To == 0 {
		r.To = clock.Now().UnixNano() // what arrives meanwhile would make it endless
	}
	x := &exporting{server: s, ask: engine.Search{Request: r, Limit: exportPage, OldestFirst: true}}
	switch partial := c.Query("partial"); partial {
	case "true":
		x.partial = true
	case "", "false":
	default:
		return nil, &paramError{field: "partial", err: fmt.Errorf("%.20q: want true or false", partial)}
	}
	return x, x.open(c)
}

// check notes what an answer lacks, and says whether the export can go on.
func (x *exporting) check(stats *engine.Stats) error {
	if !x.partial {
		return whole(stats)
	}
	for _, why := range stats.Partial {
		if !slices.Contains(x.lacks, why) {
			x.lacks = append(x.lacks, why)
		}
	}
	return nil
}

// stream writes a page and all that follow it.
func (x *exporting) stream(c *gin.Context, found *engine.Found) error {
	for {
		if err := x.check(&found.Stats); err != nil {
			return err
		}
		if len(found.Records) > 0 {
			if err := x.out.write(found.Records); err != nil {
				return err
			}
			x.written += len(found.Records)
			c.Writer.Flush()
		}
		if x.ask.Cursor = found.Cursor; x.ask.Cursor == nil {
			return x.out.close()
		}
		next := x.server.nextPage
		if x.partial {
			next = x.server.deps.Engine.Search
		}
		var err error
		if found, err = next(c.Request.Context(), x.ask); err != nil {
			return err
		}
	}
}

// unlistedFields are what a record may have and a list of fields does not: attributes that columns alone cannot give back.
var unlistedFields = []string{
	telemetry.FieldExact, telemetry.FieldResourceExact, telemetry.FieldScopeExact,
	telemetry.FieldOverflow, telemetry.FieldResourceOverflow, telemetry.FieldScopeOverflow,
}

// open makes the writer of the format asked for.
func (x *exporting) open(c *gin.Context) error {
	signal := x.ask.Signal
	switch format := c.DefaultQuery("format", "jsonl"); format {
	case "jsonl":
		x.out, x.kind = &jsonExporter{signal: signal, w: c.Writer}, "application/x-ndjson"
	case "otlp":
		x.out, x.kind = &otlpExporter{signal: signal, w: c.Writer}, "application/x-ndjson"
	case "parquet":
		fields, err := x.server.deps.Engine.Fields(c.Request.Context(), x.ask.Request)
		if err == nil {
			err = x.check(&fields.Stats) // a column that is missing would be missing in all records
		}
		if err != nil {
			return err
		}
		columns := make([]telemetry.Column, len(fields.Fields))
		for i, f := range fields.Fields {
			columns[i] = f.Column
		}
		if len(columns) == 0 {
			return &paramError{field: "query", err: errors.New("nothing matches, and a Parquet file needs columns")}
		}
		for _, key := range unlistedFields {
			columns = append(columns, telemetry.Column{Level: telemetry.LevelField, Key: key, Type: telemetry.TypeJSON})
		}
		x.out, x.kind = &parquetExporter{w: c.Writer, columns: columns}, "application/vnd.apache.parquet"
	default:
		return &paramError{field: "format", err: fmt.Errorf("%.20q: want jsonl, otlp or parquet", format)}
	}
	return nil
}

// jsonExporter writes records as a search answers them, one a line.
type jsonExporter struct {
	signal telemetry.Signal
	w      io.Writer
}

func (e *jsonExporter) write(records []engine.Record) error {
	var k knownResources
	var line []byte
	for i := range records {
		if e.signal == telemetry.Logs {
			l := k.log(&records[i])
			line = l.append(line[:0])
		} else {
			s := k.span(&records[i])
			line = s.append(line[:0])
		}
		if _, err := e.w.Write(append(line, '\n')); err != nil {
			return err
		}
	}
	return nil
}

func (e *jsonExporter) close() error { return nil }

// otlpExporter writes OTLP export requests in JSON, one a line: each can be sent to /v1/logs or /v1/traces as it is.
type otlpExporter struct {
	signal telemetry.Signal
	w      io.Writer
}

func (e *otlpExporter) write(records []engine.Record) error {
	line, err := export.OTLP(e.signal, records)
	if err != nil {
		return err
	}
	_, err = e.w.Write(append(line, '\n'))
	return err
}

func (e *otlpExporter) close() error { return nil }

// parquetExporter writes one file. It begins it with the first records: beginning writes, and then it is too late for headers.
type parquetExporter struct {
	w       io.Writer
	columns []telemetry.Column
	file    *export.Parquet
}

func (e *parquetExporter) write(records []engine.Record) (err error) {
	if e.file == nil {
		if e.file, err = export.NewParquet(e.w, e.columns); err != nil {
			return err
		}
	}
	return e.file.Write(records)
}

func (e *parquetExporter) close() error {
	if err := e.write(nil); err != nil {
		return err
	}
	return e.file.Close()
}
