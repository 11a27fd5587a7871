package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"clew/internal/telemetry"
	"clew/query/api"
)

type traceOptions struct {
	clientFlags
	json, noLogs bool
	color        string
	width        int
}

func newTraceCommand() *cobra.Command {
	var o traceOptions
	cmd := &cobra.Command{
		Use:   "trace [flags] ID",
		Short: "Draw a trace as a waterfall, with its log records",
		Long: `Draw the chain of a trace: each hop with its service, duration and self time, errors marked, parents that never arrived named, and
the trace's log records at their place. Exit codes: 0 found, 1 no such trace, 2 error.`,
		Example: `  clew trace 4bf92f3577b34da6a3ce929d0e0e4736
  clew trace --json 4bf92f3577b34da6a3ce929d0e0e4736 | jq '.nodes[] | select(.error)'`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return o.run(cmd.Context(), cmd, args[0])
		},
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the whole answer as JSON")
	cmd.Flags().BoolVar(&o.noLogs, "no-logs", false, "without log records")
	cmd.Flags().StringVar(&o.color, "color", "auto", "auto, always or never")
	cmd.Flags().IntVar(&o.width, "width", 0, "columns to use (default: the terminal's, or 120)")
	return cmd
}

func (o *traceOptions) run(ctx context.Context, cmd *cobra.Command, arg string) error {
	id, err := telemetry.ParseTraceID(arg)
	if err != nil {
		return err
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	var trace api.Trace
	if err := c.get(ctx, "/api/v1/traces/"+id.String(), url.Values{}, &trace); err != nil {
		var refused *answerError
		if errors.As(err, &refused) && refused.status == http.StatusNotFound {
			cmd.PrintErrf("clew: %v\n", err)
			return exitCode(exitNothing)
		}
		return err
	}
	out := bufio.NewWriterSize(cmd.OutOrStdout(), 64<<10)
	defer out.Flush()
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(trace); err != nil {
			return err
		}
		return out.Flush()
	}
	width := o.width
	if width <= 0 {
		width = terminalWidth(cmd.OutOrStdout())
	}
	w := &waterfall{
		trace: &trace, width: width, logs: !o.noLogs,
		color: o.color == "always" || o.color == "auto" && isTerminal(cmd.OutOrStdout()) && os.Getenv("NO_COLOR") == "",
	}
	if _, err := out.WriteString(w.String()); err != nil {
		return err
	}
	return out.Flush()
}
