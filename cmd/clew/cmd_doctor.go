package main

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/spf13/cobra"

	"clew/internal/telemetry"
)

type doctorOptions struct {
	clientFlags
	since   time.Duration
	timeout time.Duration
	json    bool
}

func newDoctorCommand() *cobra.Command {
	var o doctorOptions
	cmd := &cobra.Command{
		Use:   "doctor [flags]",
		Short: "Say what is wrong, and what to do about it",
		Long: `Ask a clew how it is and how its agents are: readiness, disk, log and store; agents that are silent, behind, or whose clock is off; what was lost, by
host and reason; batches that never came. Each finding says what to do. Losses are those of the last day (--since).
Hosts, senders and losses are those of one tenant (--tenant, or the default one): ask once for each. Disk, log and store are everybody's.
Exit codes: 0 all is well, 1 something is not, 2 it could not be asked.`,
		Example: `  clew doctor
  clew doctor --server http://clew.internal:7400 --tenant acme
  clew doctor --json | jq -r '.findings[] | select(.severity=="problem") | .what'
  clew doctor --since 1h || page-somebody`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd) },
	}
	o.register(cmd)
	f := cmd.Flags()
	f.DurationVar(&o.since, "since", 24*time.Hour, "how far back losses are told of")
	f.DurationVar(&o.timeout, "timeout", 20*time.Second, "for all answers together")
	f.BoolVar(&o.json, "json", false, "print the report as JSON")
	return cmd
}

// doctorReport is what clew doctor --json prints.
type doctorReport struct {
	Server   string    `json:"server"`
	Version  string    `json:"version"`
	Tenant   string    `json:"tenant"`
	Hosts    int       `json:"hosts"`
	Findings []finding `json:"findings"`
}

func (o *doctorOptions) run(ctx context.Context, cmd *cobra.Command) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	x := examination{since: o.since}
	if x.notReady, err = c.readiness(ctx); err != nil {
		return err
	}
	if err := c.get(ctx, "/api/v1/status", url.Values{}, &x.status); err != nil {
		return err
	}
	var former *answerError // a server of the version before has no such question
	if err := c.get(ctx, "/api/v1/whoami", url.Values{}, &x.me); err != nil && !(errors.As(err, &former) && former.status == http.StatusNotFound) {
		return err
	}
	asked := time.Now()
	if err := c.get(ctx, "/api/v1/ledger", url.Values{}, &x.ledger); err != nil {
		return err
	}
	x.clockAhead = x.ledger.Now.Sub(asked.Add(time.Since(asked) / 2))
	report := doctorReport{Server: c.server, Version: x.status.Version, Tenant: cmp.Or(c.tenant, x.me.Tenant, telemetry.DefaultTenant), Hosts: len(x.ledger.Hosts), Findings: x.diagnose()}
	out := bufio.NewWriter(cmd.OutOrStdout())
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		err = enc.Encode(report)
	} else {
		err = report.print(out)
	}
	if err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	for i := range report.Findings {
		if report.Findings[i].Severity == severityProblem {
			return exitCode(1)
		}
	}
	return nil
}

// readiness is what /readyz says; empty: ready.
func (c *client) readiness(ctx context.Context) (notReady string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.server+"/readyz", nil)
	if err != nil {
		return "", err
	}
	res, err := c.http.Do(req)
	if err != nil {
		return "", fmt.Errorf("%w (is clew running at %s? start it with `clew run`, or name it with --server)", errors.Unwrap(err), c.server)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<10))
	if err != nil {
		return "", fmt.Errorf("%s/readyz: %w", c.server, err)
	}
	if res.StatusCode == http.StatusOK {
		return "", nil
	}
	return string(text), nil
}

func (r *doctorReport) print(out *bufio.Writer) error {
	problems := 0
	for i := range r.Findings {
		f := &r.Findings[i]
		mark := "-"
		if f.Severity == severityProblem {
			mark = "!"
			problems++
		}
		fmt.Fprintf(out, "%s %s\n    %s\n", mark, f.What, f.Do)
	}
	_, err := fmt.Fprintf(out, "clew %s at %s, tenant %s: %d hosts with agents, %d problems, %d notices\n",
		r.Version, r.Server, r.Tenant, r.Hosts, problems, len(r.Findings)-problems)
	return err
}
