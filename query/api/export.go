package api

import (
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/gin-gonic/gin"

	"clew/internal/clock"
	"clew/internal/telemetry"
	"clew/query/engine"
	"clew/query/export"
)

// exportTrailer is the trailer of an export that is whole: the number of records in it. A partial answer and a broken one have none.
const exportTrailer = "Clew-Exported"

// exporter writes the pages of an export.
type exporter interface {
	write(records []engine.Record) error
	close() error
}

// export streams all records that match, oldest first.
func (s *Server) export(c *gin.Context) {
	r, err := request(c, "format")
	if err != nil {
		s.failed(c, err)
		return
	}
	if r.To == 0 {
		r.To = clock.Now().UnixNano() // what arrives meanwhile would make it endless
	}
	out, kind, err := s.exporter(c, r)
	if err != nil {
		s.failed(c, err)
		return
	}
	ask := engine.Search{Request: r, Limit: exportPage, OldestFirst: true}
	found, err := s.deps.Engine.Search(c.Request.Context(), ask)
	if err != nil {
		s.failed(c, err)
		return
	}
	if len(found.Stats.Partial) > 0 {
		// Nothing has been sent: the status can still say why.
		s.failed(c, fmt.Errorf("the answer is partial: %s", found.Stats.Partial[0]))
		return
	}
	c.Header("Content-Type", kind)
	c.Header("Trailer", exportTrailer)
	c.Status(http.StatusOK)
	written := 0
	for err == nil {
		if len(found.Stats.Partial) > 0 {
			err = fmt.Errorf("the answer is partial: %s", found.Stats.Partial[0])
			break
		}
		if len(found.Records) > 0 {
			if err = out.write(found.Records); err != nil {
				break
			}
			written += len(found.Records)
			c.Writer.Flush()
		}
		if ask.Cursor = found.Cursor; ask.Cursor == nil {
			err = out.close()
			break
		}
		found, err = s.nextPage(c.Request.Context(), ask)
	}
	if err != nil {
		if c.Request.Context().Err() == nil {
			s.deps.Logger.Error("an export ended early", "records", written, "error", err)
		}
		// The status has been sent. Breaking the connection is what every client notices.
		panic(http.ErrAbortHandler)
	}
	c.Header(exportTrailer, fmt.Sprint(written))
}

// unlistedFields are what a record may have and a list of fields does not: attributes that columns alone cannot give back.
var unlistedFields = []string{
	telemetry.FieldExact, telemetry.FieldResourceExact, telemetry.FieldScopeExact,
	telemetry.FieldOverflow, telemetry.FieldResourceOverflow, telemetry.FieldScopeOverflow,
}

// exporter makes the writer of the format asked for.
func (s *Server) exporter(c *gin.Context, r engine.Request) (out exporter, contentType string, err error) {
	switch format := c.DefaultQuery("format", "jsonl"); format {
	case "jsonl":
		return &jsonExporter{signal: r.Signal, w: c.Writer}, "application/x-ndjson", nil
	case "otlp":
		return &otlpExporter{signal: r.Signal, w: c.Writer}, "application/x-ndjson", nil
	case "parquet":
		fields, err := s.deps.Engine.Fields(c.Request.Context(), r)
		if err != nil {
			return nil, "", err
		}
		columns := make([]telemetry.Column, len(fields.Fields))
		for i, f := range fields.Fields {
			columns[i] = f.Column
		}
		if len(columns) == 0 {
			return nil, "", &paramError{field: "query", err: errors.New("nothing matches, and a Parquet file needs columns")}
		}
		for _, key := range unlistedFields {
			columns = append(columns, telemetry.Column{Level: telemetry.LevelField, Key: key, Type: telemetry.TypeJSON})
		}
		return &parquetExporter{w: c.Writer, columns: columns}, "application/vnd.apache.parquet", nil
	default:
		return nil, "", &paramError{field: "format", err: fmt.Errorf("%.20q: want jsonl, otlp or parquet", format)}
	}
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
