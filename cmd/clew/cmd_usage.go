package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clew/query/api"
)

type usageOptions struct {
	clientFlags
	timeRange
	signal, by string
	top        int
	json       bool
}

func newUsageCommand() *cobra.Command {
	var o usageOptions
	cmd := &cobra.Command{
		Use:   "usage [flags]",
		Short: "Say who sends how much",
		Long: `Say who sends how much: by service, by field, by template of the texts, or by tenant. Bytes are those on disk; records that are in no segment
yet count without bytes. A service's or template's bytes are its part of its records' row groups, by number.
Exit codes: 0 found, 1 no records, 2 error.`,
		Example: `  clew usage --since 24h
  clew usage --by template --top 10        # which message it is
  clew usage --by field --signal spans     # which attribute costs how much
  clew usage --by tenant
  clew usage --json | jq '.rows[] | select(.bytes > 1e9)'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd) },
	}
	o.clientFlags.register(cmd)
	o.timeRange.register(cmd)
	f := cmd.Flags()
	f.StringVar(&o.signal, "signal", "logs", "logs or spans")
	f.StringVar(&o.by, "by", "service", "service, field, template or tenant")
	f.IntVar(&o.top, "top", 20, "rows to print")
	f.BoolVar(&o.json, "json", false, "print the whole answer as JSON")
	return cmd
}

func (o *usageOptions) run(ctx context.Context, cmd *cobra.Command) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	params := url.Values{"signal": {o.signal}, "by": {o.by}, "top": {strconv.Itoa(o.top)}}
	if err := o.params(params, time.Now()); err != nil {
		return err
	}
	var answer api.Usage
	if err := c.get(ctx, "/api/v1/usage", params, &answer); err != nil {
		return err
	}
	for _, reason := range answer.Stats.Reasons {
		cmd.PrintErrf("clew: the answer is not complete: %s\n", reason)
	}
	out := bufio.NewWriter(cmd.OutOrStdout())
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		err = enc.Encode(answer)
	} else {
		err = printUsage(out, &answer)
	}
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if answer.Records == 0 {
		return exitCode(exitNothing)
	}
	return nil
}

// printUsage prints a table.
func printUsage(out *bufio.Writer, u *api.Usage) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	head := []string{"BYTES", "SHARE", "RECORDS", "FIRST", "LAST", strings.ToUpper(u.By)}
	if u.By == "field" {
		head = append(head[:3], "VALUES", "FIRST", "LAST", "FIELD")
	}
	if u.By == "tenant" {
		head = append(head, "SIGNAL")
	}
	fmt.Fprintln(w, strings.Join(head, "\t"))
	for i := range u.Rows {
		row := &u.Rows[i]
		share := 0.0
		if u.Bytes > 0 {
			share = 100 * float64(row.Bytes) / float64(u.Bytes)
		}
		cells := []string{bytesText(row.Bytes), fmt.Sprintf("%.1f%%", share), strconv.FormatUint(row.Records, 10)}
		if u.By == "field" {
			distinct := "-"
			if row.Distinct > 0 {
				distinct = strconv.FormatUint(row.Distinct, 10)
			}
			cells = append(cells, distinct)
		}
		name := row.Name
		if row.Absent {
			name = "(none)"
		}
		cells = append(cells, minuteOf(row.First), minuteOf(row.Last), strings.Join(strings.FieldsFunc(name, func(r rune) bool { return r < ' ' }), " "))
		if u.By == "tenant" {
			cells = append(cells, row.Signal)
		}
		fmt.Fprintln(w, strings.Join(cells, "\t"))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	unsealed := ""
	if u.Unsealed > 0 {
		unsealed = fmt.Sprintf(", %d of them not in segments yet", u.Unsealed)
	}
	_, err := fmt.Fprintf(out, "%s on disk, %d records%s\n", bytesText(u.Bytes), u.Records, unsealed)
	return err
}

// minuteOf cuts a time of the API to the minute.
func minuteOf(t string) string {
	if len(t) < len("2006-01-02T15:04") {
		return t
	}
	return t[:10] + " " + t[11:16]
}

// bytesText is a number of bytes for people.
func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, suffix := float64(n)/unit, 0
	for value >= unit && suffix < 4 {
		value, suffix = value/unit, suffix+1
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTP"[suffix])
}
