package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clew/query/api"
)

type hostsOptions struct {
	clientFlags
	search, status, since string
	limit                 int
	json                  bool
}

func newHostsCommand() *cobra.Command {
	var o hostsOptions
	cmd := &cobra.Command{
		Use:   "hosts [flags] [HOST]",
		Short: "List hosts: when each was last heard of, what it ships, how busy it is, what it lost",
		Long: `List the hosts that there are, or tell all that is known of one. Hosts are known by their agents' heartbeats and by host.name of what is kept. One that died is
listed as silent for as long as anything of it is kept: after a minute if it has an agent of clew's, after five if not.
CPU, MEM and DISK (the fullest file system) are from the host's own metrics; rates are of records with times of the last minute; LAG is how old the oldest record
is that waits in the agent, and LOST is how many the ledger knows to be lost.
Exit codes: 0 found, 1 no such host, 2 error.`,
		Example: `  clew hosts
  clew hosts --status silent                # who has gone quiet
  clew hosts --search 'arm64 eu-west'       # by what a host is
  clew hosts web-1                          # all that is known of one
  clew hosts --json | jq -r 'select(.load.disk > 0.9).host'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				for _, name := range []string{"search", "status", "since", "limit"} {
					if cmd.Flags().Changed(name) {
						return fmt.Errorf("--%s is for the list, not for one host", name)
					}
				}
				return o.one(cmd.Context(), cmd, args[0])
			}
			return o.list(cmd.Context(), cmd)
		},
	}
	o.clientFlags.register(cmd)
	f := cmd.Flags()
	f.StringVar(&o.search, "search", "", "words, each of which must be part of the name or of what the host is")
	f.StringVar(&o.status, "status", "", "up or silent")
	f.StringVar(&o.since, "since", "", "last heard of since: a duration back from now (90s, 15m, 2h, 7d) or a time; default: ever")
	f.IntVar(&o.limit, "limit", 1000, "hosts to print, up to 10000")
	f.BoolVar(&o.json, "json", false, "print a JSON object for each host")
	return cmd
}

func (o *hostsOptions) list(ctx context.Context, cmd *cobra.Command) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	now := time.Now()
	params := url.Values{"limit": {strconv.Itoa(o.limit)}}
	for name, value := range map[string]string{"search": o.search, "status": o.status} {
		if value != "" {
			params.Set(name, value)
		}
	}
	if o.since != "" {
		t, err := parseTime(o.since, now)
		if err != nil {
			return fmt.Errorf("--since %q: %w", o.since, err)
		}
		params.Set("start", fmt.Sprint(t.UnixNano()))
	}
	var answer api.HostList
	if err := c.get(ctx, "/api/v1/hosts", params, &answer); err != nil {
		return err
	}
	warnPartial(cmd, answer.Reasons)
	out := bufio.NewWriter(cmd.OutOrStdout())
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		for i := range answer.Hosts {
			if err := enc.Encode(&answer.Hosts[i]); err != nil {
				return err
			}
		}
	} else if err := printHosts(out, answer.Hosts, now); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if !o.json {
		more := ""
		if n := answer.Matched - len(answer.Hosts); n > 0 {
			more = fmt.Sprintf("; %d more match (--limit)", n)
		}
		cmd.PrintErrf("%d hosts up, %d silent%s\n", answer.Up, answer.Silent, more)
	}
	if len(answer.Hosts) == 0 {
		return exitCode(exitNothing)
	}
	return nil
}

// warnPartial says why an answer is not everything.
func warnPartial(cmd *cobra.Command, reasons []string) {
	for _, reason := range reasons {
		cmd.PrintErrf("clew: the answer is not complete: %s\n", reason)
	}
}

// printHosts prints a table.
func printHosts(out io.Writer, hosts []api.HostEntry, now time.Time) error {
	if len(hosts) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "HOST\tSTATUS\tHEARD\tCPU\tMEM\tDISK\tLOGS/S\tSPANS/S\tPOINTS/S\tLAG\tLOST\tOS")
	for i := range hosts {
		h := &hosts[i]
		load := h.Load
		if load == nil {
			load = &api.HostLoad{}
		}
		cells := []string{plain(h.Host), h.Status, agoText(h.LastHeard, now), percentText(load.CPU), percentText(load.Memory), percentText(load.Disk)}
		for _, signal := range []string{"logs", "spans", "metrics"} {
			cells = append(cells, rateText(h.Traffic, signal))
		}
		lag, lost := "-", "-"
		if h.Heartbeat != "" {
			lost = strconv.FormatUint(h.Lost, 10)
			if h.Status == "up" { // who is silent does not say how far behind it is
				lag = secondsText(h.LagSeconds)
			}
		}
		fmt.Fprintln(w, strings.Join(append(cells, lag, lost, plain(h.OS)), "\t"))
	}
	return w.Flush()
}

func (o *hostsOptions) one(ctx context.Context, cmd *cobra.Command, name string) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	var answer api.HostDetail
	err = c.get(ctx, "/api/v1/hosts/"+url.PathEscape(name), url.Values{}, &answer)
	var refused *answerError
	if errors.As(err, &refused) && refused.status == http.StatusNotFound {
		cmd.PrintErrf("clew: %v\n", err)
		return exitCode(exitNothing)
	}
	if err != nil {
		return err
	}
	warnPartial(cmd, answer.Reasons)
	out := bufio.NewWriter(cmd.OutOrStdout())
	if o.json {
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		err = enc.Encode(&answer)
	} else {
		err = printHost(out, &answer, time.Now())
	}
	if err != nil {
		return err
	}
	return out.Flush()
}

// printHost prints all that is known of a host, a line each.
func printHost(out io.Writer, d *api.HostDetail, now time.Time) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "%s\t%s\n", name, plain(fmt.Sprintf(format, args...)))
	}
	h := &d.Host
	line("host", "%s", h.Host)
	line("status", "%s, last heard %s ago (%s)", h.Status, agoText(h.LastHeard, now), h.LastHeard)
	if h.OS != "" || h.Arch != "" {
		line("system", "%s", strings.TrimSpace(h.OS+" "+h.Arch))
	}
	if h.CPUs > 0 || h.MemoryBytes > 0 {
		line("size", "%d CPUs, %s of memory", h.CPUs, bytesText(h.MemoryBytes))
	}
	if h.ID != "" {
		line("id", "%s", h.ID)
	}
	if h.Container {
		line("container", "yes")
	}
	for _, attributes := range []map[string]string{h.Kubernetes, h.Attributes} {
		for _, key := range slices.Sorted(maps.Keys(attributes)) {
			line(key, "%s", attributes[key])
		}
	}
	if l := h.Load; l != nil {
		line("load", "CPU %s, memory %s, fullest disk %s", percentText(l.CPU), percentText(l.Memory), percentText(l.Disk))
	}
	for _, t := range h.Traffic {
		line(t.Signal, "%s a second, last %s ago", countText(t.PerSecond), agoText(t.LastHeard, now))
	}
	for i := range d.Agents {
		a := &d.Agents[i]
		line("agent", "%s %s, heard %s ago, queue %s of %s", a.Instance, a.Version, agoText(a.LastHeard, now), bytesText(a.QueueBytes), bytesText(a.QueueBytesMax))
	}
	if len(d.Agents) > 0 {
		if h.Status == "up" {
			line("lag", "%s", secondsText(h.LagSeconds))
		}
		line("lost", "%d records", h.Lost)
		for what, reasons := range map[string]map[string]uint64{"refused": h.Refused, "dropped": h.Dropped} {
			for _, reason := range slices.Sorted(maps.Keys(reasons)) {
				line("  "+what, "%d: %s", reasons[reason], reason)
			}
		}
		if h.Missing > 0 {
			line("  missing", "%d: acknowledged and not stored", h.Missing)
		}
	}
	return w.Flush()
}

// plain is a text of somebody's for one cell of a table on a terminal.
func plain(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }), " ")
}

// agoText is how long ago a time of the API is.
func agoText(text string, now time.Time) string {
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return "-"
	}
	return secondsText(max(0, now.Sub(t).Seconds()))
}

// secondsText is a duration in its largest two units.
func secondsText(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case d < time.Second:
		return "0s"
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}

func percentText(share *float64) string {
	if share == nil {
		return "-"
	}
	return fmt.Sprintf("%.0f%%", 100**share)
}

func rateText(traffic []api.HostTraffic, signal string) string {
	for _, t := range traffic {
		if t.Signal == signal {
			return countText(t.PerSecond)
		}
	}
	return "-"
}

// countText is a rate with three digits at the most, so that columns stay narrow.
func countText(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'g', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 0, 64)
}
