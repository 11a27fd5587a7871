package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os/user"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"clew/query/api"
)

type deleteOptions struct {
	clientFlags
	timeRange
	query, signal string
	yes, noWait   bool
}

func newDeleteCommand() *cobra.Command {
	var o deleteOptions
	cmd := &cobra.Command{
		Use:   "delete --query QUERY [flags]",
		Short: "Delete the records that match, for good",
		Long: `Delete log records or spans of a tenant. Without --yes nothing is deleted: it says how many records match.

What matches is what a search with the same query, signal and times finds. Everything that was acknowledged before the request is covered, whether or not it
is in segments yet; records whose time is after the request are not touched. Segments that hold such records are rewritten without them, and the old
objects are deleted once no reader uses them (ingest.delete_after, a minute). The request is durable: a crash only delays it. There is no way back.

In a cluster any process with the role query or ingest can be asked. It is done when it is done in all shards, by whoever owns them; what is left is said when that takes
long. With a shard that nobody owns it waits.

Who asked for what, when, and how many records it took is kept: GET /api/v1/admin/audit. Exit codes: 0 something matched, 1 nothing, 2 error.`,
		Example: `  clew delete --query 'user.id:4711'                                     # says how many log records match
  clew delete --query 'user.id:4711' --yes
  clew delete --query 'service:checkout "card number"' --since 7d --until 1d --yes
  clew delete --signal spans --query 'http.url:/session=/' --tenant team-a --yes
  clew delete --query '*' --until 2026-01-31 --yes                       # everything older`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd, time.Now()) },
	}
	o.clientFlags.register(cmd)
	o.timeRange.register(cmd)
	f := cmd.Flags()
	f.StringVar(&o.query, "query", "", "what to delete, in the search language; * is everything")
	f.StringVar(&o.signal, "signal", "logs", "logs or spans")
	f.BoolVar(&o.yes, "yes", false, "delete")
	f.BoolVar(&o.noWait, "no-wait", false, "return once the request is durable")
	return cmd
}

func (o *deleteOptions) run(ctx context.Context, cmd *cobra.Command, now time.Time) error {
	if o.query == "" {
		return errors.New("--query: want what to delete; * is everything")
	}
	c, err := o.client()
	if err != nil {
		return err
	}
	params := url.Values{"signal": {o.signal}, "query": {o.query}}
	if err := o.params(params, now); err != nil {
		return err
	}
	if !o.yes {
		return o.count(ctx, cmd, c, params)
	}
	if u, err := user.Current(); err == nil {
		params.Set("by", u.Username)
	}
	d, err := requestDeletion(ctx, c, params)
	if err != nil {
		return err
	}
	if o.noWait {
		fmt.Fprintf(cmd.OutOrStdout(), "deletion %s is requested\n", d.ID)
		return nil
	}
	if d, err = waitDeletion(ctx, c, d.ID, cmd.PrintErrf); err != nil {
		return fmt.Errorf("deletion %s was taken, and is carried out whatever happens to clew; it can't be watched any more: %w\n%s", d.ID, err, auditHint(c))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d %s deleted (deletion %s)\n", d.Records, recordsWord(o.signal), d.ID)
	for _, what := range d.Damaged {
		cmd.PrintErrf("clew: could not be read, so it is not known whether it holds more: %s\n", what)
	}
	switch {
	case len(d.Damaged) > 0:
		return exitCode(exitError)
	case d.Records == 0:
		return exitCode(exitNothing)
	}
	return nil
}

func requestDeletion(ctx context.Context, c *client, params url.Values) (d api.Deletion, err error) {
	body, err := c.do(ctx, http.MethodPost, "/api/v1/admin/delete", params)
	if errors.As(err, new(*answerError)) || errors.Is(err, syscall.ECONNREFUSED) {
		return d, err // it was not taken
	}
	if err == nil {
		defer body.Close()
		err = json.NewDecoder(body).Decode(&d)
	}
	if err != nil {
		return d, fmt.Errorf("it is not known whether the deletion was taken: %w\n%s", err, auditHint(c))
	}
	return d, nil
}

// auditHint says where all deletions that were taken can be seen: what whoever asked for one must know when the answer was lost.
func auditHint(c *client) string {
	return fmt.Sprintf("once clew runs, the record of deletions says which were taken, and how far they are:\n  curl '%s/api/v1/admin/audit?limit=10'", c.server)
}

// count says what would be deleted.
func (o *deleteOptions) count(ctx context.Context, cmd *cobra.Command, c *client, params url.Values) error {
	var n api.Count
	if err := c.get(ctx, "/api/v1/count", params, &n); err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%d %s match; nothing is deleted without --yes\n", n.Count, recordsWord(o.signal))
	if n.Stats.Partial {
		cmd.PrintErrf("clew: the count is not whole: %s\n", strings.Join(n.Stats.Reasons, "; "))
	}
	if n.Count == 0 {
		return exitCode(exitNothing)
	}
	return nil
}

func recordsWord(signal string) string {
	if signal == "spans" {
		return "spans"
	}
	return "log records"
}

const (
	// waitFirst and waitLater are between two looks whether a deletion is done: each is a listing of the object store.
	waitFirst, waitLater = 100 * time.Millisecond, time.Second
	// waitQuiet is for how long nothing is said of what it waits for.
	waitQuiet = 3 * time.Second
)

// waitDeletion asks until a deletion is done. What it waits for is said when that takes long, and whenever it changes.
func waitDeletion(ctx context.Context, c *client, id string, say func(format string, args ...any)) (api.Deletion, error) {
	d := api.Deletion{ID: id}
	said := ""
	for began, pause := time.Now(), waitFirst; ; {
		var list api.DeletionList
		if err := c.get(ctx, "/api/v1/admin/audit", url.Values{"id": {id}}, &list); err != nil {
			return d, err
		}
		if len(list.Deletions) == 1 {
			d = list.Deletions[0]
		}
		if d.State == "done" {
			return d, nil
		}
		if time.Since(began) > waitQuiet {
			pause = waitLater
			if what := waitsFor(&d); what != said {
				say("clew: %s\n", what)
				said = what
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return d, ctx.Err()
		}
	}
}

// waitsFor says what a deletion that is not done waits for.
func waitsFor(d *api.Deletion) string {
	what := fmt.Sprintf("%d deleted so far", d.Records)
	if d.Error != "" && len(d.Left) == 0 {
		what += "; the last attempt failed: " + d.Error
	}
	if len(d.Left) > 0 {
		what += "; left"
	}
	for i, l := range d.Left {
		switch {
		case i == leftNamed:
			return what + fmt.Sprintf(", and %d more", len(d.Left)-i)
		case l.Error == "":
			what += fmt.Sprintf(", shard %d (%s)", l.Shard, l.Owner)
		case l.Owner == "":
			what += fmt.Sprintf(", shard %d (%s)", l.Shard, l.Error)
		default:
			what += fmt.Sprintf(", shard %d (%s: %s)", l.Shard, l.Owner, l.Error)
		}
	}
	return strings.Replace(what, "left, ", "left: ", 1)
}

// leftNamed is how many shards are named that a deletion is not done in.
const leftNamed = 8
