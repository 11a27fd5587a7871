package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"clew/ingest"
	"clew/query/api"
)

type clusterOptions struct {
	clientFlags
	json bool
}

func newClusterCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "See which processes there are and who has which shard; change the count of shards; see what the log has lost",
		Long: `See and change a cluster: processes that share a log (NATS) and an object store. Any of its processes can be asked (--server); each tells what it
knows. A clew that runs alone is a cluster of one.`,
		Example: `  clew cluster status
  clew cluster status --server http://query-1:7400 --json | jq '.list[] | select(.owner=="")'
  clew cluster shards 8
  clew cluster losses`,
	}
	cmd.AddCommand(newClusterStatusCommand(), newClusterShardsCommand(), newClusterLossesCommand())
	return cmd
}

func newClusterStatusCommand() *cobra.Command {
	var o clusterOptions
	cmd := &cobra.Command{
		Use:   "status [flags]",
		Short: "List processes and shards",
		Long: `List the processes of a cluster with their roles, versions and shards, and the shards with their owners. EPOCH grows from owner to owner. FLOOR is the position up to which
a shard's log is in segments, READ how far its owner has read, LAST its end, and LAG how many messages lie between.
Exit codes: 0 every shard has an owner that has caught up, 1 not so, 2 it could not be asked.`,
		Example: `  clew cluster status
  clew cluster status --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.status(cmd.Context(), cmd) },
	}
	o.register(cmd)
	cmd.Flags().BoolVar(&o.json, "json", false, "print the answer as JSON")
	return cmd
}

func newClusterShardsCommand() *cobra.Command {
	var o clusterOptions
	cmd := &cobra.Command{
		Use:   "shards N [flags]",
		Short: "Spread new records over N shards, in all processes",
		Long: `Change over how many shards new records are spread. All processes follow within seconds, without a restart. Shards beyond N get no new records; what is in
them stays readable and is drained into segments. What a sender repeats across the change, because it got no answer, may be stored twice.`,
		Example: `  clew cluster shards 8
  clew cluster shards 2 --server http://query-1:7400`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.shards(cmd.Context(), cmd, args[0]) },
	}
	o.register(cmd)
	return cmd
}

func (o *clusterOptions) status(ctx context.Context, cmd *cobra.Command) error {
	c, err := o.client()
	if err != nil {
		return err
	}
	var s api.Cluster
	if err := c.get(ctx, "/api/v1/cluster", url.Values{}, &s); err != nil {
		return err
	}
	if o.json {
		err = json.NewEncoder(cmd.OutOrStdout()).Encode(s)
	} else {
		err = printCluster(cmd.OutOrStdout(), &s, time.Now())
	}
	if err == nil && len(unowned(&s)) > 0 {
		return exitCode(exitNothing)
	}
	return err
}

// unowned are the shards that nobody answers for.
func unowned(c *api.Cluster) []int {
	var shards []int
	for _, s := range c.List {
		if s.Owner == "" || !s.CaughtUp {
			shards = append(shards, s.Shard)
		}
	}
	return shards
}

func printCluster(to io.Writer, c *api.Cluster, now time.Time) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "log: %s, %d shards", c.Log, c.Shards)
	if c.LeaseSeconds > 0 {
		fmt.Fprintf(w, ", an owner that vanishes is replaced after %gs", c.LeaseSeconds)
	}
	if c.Disconnected {
		fmt.Fprint(w, "; NOT CONNECTED to NATS")
	}
	fmt.Fprint(w, "\n\nNAME\tROLES\tVERSION\tUP\tREADY\tSHARDS\tCOMMIT\tHTTP\n")
	for _, m := range c.Members {
		shards := make([]string, len(m.Shards))
		for i, s := range m.Shards {
			shards[i] = strconv.Itoa(s)
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, strings.Join(m.Roles, ","), m.Version, now.Sub(m.Started).Round(time.Second), yesNo(m.Ready),
			orDash(strings.Join(shards, ",")), commitOf(&m), m.Addresses["http"])
	}
	fmt.Fprint(w, "\nSHARD\tOWNER\tEPOCH\tFLOOR\tREAD\tLAST\tLAG\tLOG\tSTATE\n")
	for _, s := range c.List {
		state := "ok"
		switch {
		case s.Error != "":
			state = s.Error
		case s.Owner == "":
			state = "NO OWNER"
		case !s.CaughtUp:
			state = "being read"
		case s.BehindSeconds > ingest.BehindMax.Seconds():
			state = fmt.Sprintf("%.1fs BEHIND", s.BehindSeconds)
		case s.Draining:
			state = "draining"
		}
		if n := len(openLosses(&s)); n > 0 {
			state += fmt.Sprintf(", %d LOSSES", n)
		}
		fmt.Fprintf(w, "%d\t%s\t%d\t%d\t%d\t%d\t%d\t%.1f MB\t%s\n", s.Shard, orDash(s.Owner), s.Epoch, s.Floor, s.Consumed, s.Last, s.Lag, float64(s.LogBytes)/1e6, state)
	}
	printLosses(w, c, false)
	if why := whyUnowned(c); why != "" {
		fmt.Fprintf(w, "\n%s\n", why)
	}
	return w.Flush()
}

// whyUnowned says what shards without an owner mean, and what to do; empty: there are none.
func whyUnowned(c *api.Cluster) string {
	var free []string
	for _, s := range c.List {
		if s.Owner == "" {
			free = append(free, strconv.Itoa(s.Shard))
		}
	}
	if len(free) == 0 {
		return ""
	}
	what := fmt.Sprintf("NO OWNER: shards %s. What is sent to them is kept in the log and is in no answer until one has them; answers say so.", strings.Join(free, ", "))
	owners := 0
	for i := range c.Members {
		if slices.Contains(c.Members[i].Roles, roleIngest) {
			owners++
		}
	}
	switch {
	case c.Disconnected:
		return what + " This process does not reach NATS: it does not know whether others own them. Look at NATS and the network first."
	case !c.Known:
		return what + " This process has just started and has not heard all others: ask again."
	case owners == 0:
		return what + " No process with the role ingest is heard: start one, or see why those that run do not reach NATS."
	}
	return what + fmt.Sprintf(" %d processes with the role ingest are heard: one of them takes a shard %gs after its owner was lost, once NATS has leaders; their logs say what hinders them.", owners, c.LeaseSeconds)
}

// commitOf is the last commit that a process knows; a collector follows none.
func commitOf(m *api.ClusterMember) string {
	if m.Sequence == 0 {
		return "-"
	}
	return strconv.FormatUint(m.Sequence, 10)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

func (o *clusterOptions) shards(ctx context.Context, cmd *cobra.Command, count string) error {
	n, err := strconv.Atoi(count)
	if err != nil || n < 1 || n > shardsMax {
		return fmt.Errorf("%q: want 1 to %d shards", count, shardsMax)
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	body, err := c.do(ctx, http.MethodPost, "/api/v1/admin/shards", url.Values{"count": {count}})
	if err != nil {
		return err
	}
	defer body.Close()
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "new records are spread over %d shards\n", n)
	return err
}
