package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"time"

	"github.com/spf13/cobra"
)

type exportOptions struct {
	clientFlags
	timeRange
	format, query, signal, output string

	partial bool
}

func newExportCommand() *cobra.Command {
	var o exportOptions
	cmd := &cobra.Command{
		Use:   "export [flags]",
		Short: "Stream all records that match, as JSON, OTLP or Parquet",
		Long: `Stream all records that match, oldest first, up to the moment of asking.

  jsonl    one record a line, as /api/v1/search gives them
  otlp     one OTLP export request (JSON, up to 2,000 records) a line: send a line to /v1/logs or /v1/traces of any OTLP receiver, clew's too, and it has the same records
  parquet  one file with a plain column for each field, for DuckDB, Spark or pandas

While a shard of a cluster or a segment cannot be read there is no export, but an error that says which; --partial exports what there is, and says what it lacks.

Exit codes: 0 complete, 1 nothing matched, 2 error; what was written before an error is not whole.`,
		Example: `  clew export --since 1h --query 'service:checkout severity>=warn' > warnings.jsonl
  clew export --format parquet --since 7d --output week.parquet
  clew export --format otlp --signal spans --since 1h |
    while IFS= read -r line; do printf %s "$line" | curl -fsS -H 'Content-Type: application/json' --data-binary @- http://other:4318/v1/traces; done`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd) },
	}
	o.clientFlags.register(cmd)
	o.timeRange.register(cmd)
	f := cmd.Flags()
	f.StringVar(&o.format, "format", "jsonl", "jsonl, otlp or parquet")
	f.StringVar(&o.query, "query", "", "which records, in the query language (default: all)")
	f.StringVar(&o.signal, "signal", "logs", "logs or spans")
	f.BoolVar(&o.partial, "partial", false, "leave out what cannot be read, and say so")
	f.StringVarP(&o.output, "output", "o", "", "write to a `file`, which is there only once it is whole (default: standard output)")
	return cmd
}

func (o *exportOptions) run(ctx context.Context, cmd *cobra.Command) (err error) {
	c, err := o.client()
	if err != nil {
		return err
	}
	params := url.Values{"format": {o.format}, "query": {o.query}, "signal": {o.signal}}
	if o.partial {
		params.Set("partial", "true")
	}
	if err := o.params(params, time.Now()); err != nil {
		return err
	}
	res, err := c.request(ctx, http.MethodGet, "/api/v1/export", params)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	out := cmd.OutOrStdout()
	if o.output != "" {
		part := o.output + ".part"
		file, err := os.Create(part)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, ignoreClosed(file.Close())) }()
		if err := receive(file, res); err != nil {
			return errors.Join(err, os.Remove(part))
		}
		if err := file.Close(); err != nil {
			return err
		}
		if err := os.Rename(part, o.output); err != nil {
			return err
		}
	} else if err := receive(out, res); err != nil {
		return err
	}
	if lacks := res.Trailer.Get("Clew-Partial"); lacks != "" {
		fmt.Fprintln(cmd.ErrOrStderr(), "partial:", lacks)
	}
	if res.Trailer.Get("Clew-Exported") == "0" {
		return exitCode(exitNothing)
	}
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, os.ErrClosed) {
		return nil
	}
	return err
}

// receive copies the export, and fails unless it is whole.
func receive(out io.Writer, res *http.Response) error {
	n, err := io.Copy(out, res.Body)
	if err == nil && res.Trailer.Get("Clew-Exported") == "" {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("the export broke off after %d bytes (the server's log says why): %w", n, err)
	}
	return nil
}
