package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clew/query/api"
)

func newClusterLossesCommand() *cobra.Command {
	var o clusterOptions
	cmd := &cobra.Command{
		Use:   "losses [flags]",
		Short: "List what the shards' logs are known to have lost; accept it",
		Long: `List what is known to be lost of the shards' logs: messages that NATS had acknowledged, or may have, and that are in no segment. Every answer over the time in which they were
taken in says so, and is partial, until somebody accepts the loss (clew cluster losses accept). The list keeps the latest 32 of each shard.
Exit codes: 0 there are losses that nobody has accepted, 1 there are none, 2 error.`,
		Example: `  clew cluster losses
  clew cluster losses --json | jq -r .id
  clew cluster losses accept 0:4-5:missing`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.losses(cmd.Context(), cmd) },
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print one loss a line, as JSON")
	cmd.AddCommand(newLossesAcceptCommand())
	return cmd
}

func newLossesAcceptCommand() *cobra.Command {
	var o clusterOptions
	cmd := &cobra.Command{
		Use:   "accept ID... [flags]",
		Short: "Take losses for known: answers are whole again",
		Long: `Say that losses are known, and that nothing more can be done: the records were looked for with their senders, or are not missed. Answers over their time are whole again. The list and the
metrics keep them, with when and by whom they were accepted. It needs the role admin, is in the audit log, and there is no way back.
It returns when the shards' owners have written it down.`,
		Example: `  clew cluster losses accept 0:4-5:missing
  clew cluster losses accept $(clew cluster losses --json | jq -r 'select(.accepted|not).id')`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.acceptLosses(cmd.Context(), cmd, args) },
	}
	o.register(cmd)
	return cmd
}

func (o *clusterOptions) losses(ctx context.Context, cmd *cobra.Command) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	var s api.Cluster
	if err := c.get(ctx, "/api/v1/cluster", url.Values{}, &s); err != nil {
		return err
	}
	open := 0
	for i := range s.List {
		open += len(openLosses(&s.List[i]))
	}
	if o.json {
		to := json.NewEncoder(cmd.OutOrStdout())
		for i := range s.List {
			for _, l := range s.List[i].Lost {
				if err := to.Encode(l); err != nil {
					return err
				}
			}
		}
	} else {
		w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
		printLosses(w, &s, true)
		if err := w.Flush(); err != nil {
			return err
		}
	}
	if open == 0 {
		return exitCode(exitNothing)
	}
	return nil
}

func (o *clusterOptions) acceptLosses(ctx context.Context, cmd *cobra.Command, ids []string) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	body, err := c.do(ctx, http.MethodPost, "/api/v1/admin/losses/accept", url.Values{"id": ids})
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%d accepted: answers do not say them any more\n", len(ids))
	return err
}

// openLosses are those that nobody has accepted.
func openLosses(s *api.ClusterShard) (open []api.ClusterLoss) {
	for _, l := range s.Lost {
		if l.Accepted == nil {
			open = append(open, l)
		}
	}
	return open
}

// printLosses lists losses; those that are accepted only if all are asked for.
func printLosses(w io.Writer, c *api.Cluster, all bool) {
	said := false
	for i := range c.List {
		list := c.List[i].Lost
		if !all {
			list = openLosses(&c.List[i])
		}
		for _, l := range list {
			if !said {
				said = true
				fmt.Fprint(w, "\nlost of the shards' logs (answers over these times say so, unless accepted; docs/cluster.md, When the log has lost something)\nID\tPOSITIONS\tWHY\tTAKEN IN AFTER\tBEFORE\tNOTICED\tACCEPTED\n")
			}
			to := "?"
			if l.To > 0 {
				to = strconv.FormatUint(l.To, 10)
			}
			accepted := "-"
			if l.Accepted != nil {
				accepted = l.Accepted.Format(time.RFC3339) + " by " + l.By
			}
			fmt.Fprintf(w, "%s\t%d to %s\t%s\t%s\t%s\t%s\t%s\n", l.ID, l.From, to, l.Reason, l.Since.Format(time.RFC3339), l.Until.Format(time.RFC3339), l.Noticed.Format(time.RFC3339), accepted)
		}
	}
}
