package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"clew/index/catalog"
	"clew/index/scrub"
	"clew/index/store"
	"clew/ingest/datadir"
	"clew/ingest/deletion"
)

type checkOptions struct {
	placeFlags
	json, quick, repair, quiet bool
}

// checkReport is what clew check --json prints.
type checkReport struct {
	Source string         `json:"source"` // where the catalog came from
	Holes  []datadir.Hole `json:"holes"`  // entries of the commit stream that cannot be read
	scrub.Report
	Deletions int          `json:"deletions"`       // that were requested
	Waiting   int          `json:"waiting"`         // of them not done
	Spool     *scrub.Spool `json:"spool,omitempty"` // what waits on the local disk for the object store
	Repaired  bool         `json:"repaired"`
	// Reopened are the former outcomes of deletions that are carried out again, because a lost commit may have held what they took out.
	Reopened []string `json:"reopened,omitempty"`
	SetAside []string `json:"setAside,omitempty"` // objects that are in quarantine now
	// Lost are the losses of the shards' logs that nobody has accepted.
	Lost []lossFound `json:"lost,omitempty"`
}

// lossFound is what the log of a shard has lost.
type lossFound struct {
	Shard int `json:"shard"`
	catalog.Loss
}

// lossesOf are the losses that a version of the catalog knows and nobody has accepted.
func lossesOf(v *catalog.Version) (found []lossFound) {
	for _, shard := range v.Shards() {
		lost := v.Shard(shard).Lost
		for i := range lost {
			if lost[i].Accepted.IsZero() {
				found = append(found, lossFound{shard, lost[i]})
			}
		}
	}
	return found
}

func newCheckCommand() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [flags] [DIR|URL]",
		Short: "Check every byte of a data directory or object store, and repair it",
		Long: `Compare the catalog with the objects that exist, and read all of them: missing, damaged and unreferenced objects are listed with file, offset
and what is wrong; so are entries of the commit stream that cannot be read, with what they must have said, what the log is known to have lost, requests and outcomes of deletions,
and segments that wait on the local disk for the object store. Without an argument ./clew-data is checked.

A directory is opened by itself; if a clew runs on it, that one is asked for its catalog (--server) and nothing is written. Segments in an
object store are looked for where the directory remembers them; credentials come from the environment, --store says what else it takes to reach it.
Of an object store without its directory the catalog is that of --server, or the newest snapshot: segments that were merged or dropped since
are called missing then, and newer ones unreferenced.

--repair (clew must be stopped) writes down what is inferred of unreadable commits, and sets damaged segments and deletions aside: their objects move to
segments/quarantine/, and the catalog forgets them, so that answers are no longer marked partial. Unreferenced objects are left to clew, which removes
them after a while.

Exit codes: 0 whole, 1 something is wrong (with --repair: was), 2 it could not be checked.`,
		Example: `  clew check
  clew check /var/lib/clew                  # also while clew runs on it
  clew check --json /var/lib/clew | jq '.findings[]'
  clew check --repair /var/lib/clew         # stop clew first
  clew check --store 's3://telemetry/clew?endpoint=http://minio.internal:9000' /var/lib/clew
  clew check --server http://clew.internal:7400 's3://telemetry/clew?region=eu-north-1'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd, argument(args)) },
	}
	o.register(cmd)
	f := cmd.Flags()
	f.BoolVar(&o.json, "json", false, "print the report as JSON")
	f.BoolVar(&o.quick, "quick", false, "names, lengths and metadata only, not every byte")
	f.BoolVar(&o.repair, "repair", false, "mend the commit stream and set damaged segments aside")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "no progress")
	return cmd
}

// argument is the place that a command on data is about.
func argument(args []string) string {
	if len(args) > 0 {
		return args[0]
	}
	return DefaultConfig().Data
}

func (o *checkOptions) run(ctx context.Context, cmd *cobra.Command, where string) error {
	o.parsed(cmd)
	p, err := openPlace(ctx, where, &o.placeFlags)
	if err != nil {
		return err
	}
	defer p.close()
	if o.repair && p.dir == nil {
		return fmt.Errorf("--repair needs a data directory that no clew runs on; %s", p.why)
	}
	report, err := o.check(ctx, cmd.ErrOrStderr(), p)
	if err != nil {
		return err
	}
	if err := o.checkBeside(ctx, p, where, report); err != nil {
		return err
	}
	wrong := report.wrong()
	if o.repair && report.mendable() {
		if err := repair(ctx, p.dir, report); err != nil {
			return err
		}
	}
	if o.json {
		enc := json.NewEncoder(cmd.OutOrStdout())
		enc.SetEscapeHTML(false)
		if err := enc.Encode(report); err != nil {
			return err
		}
	} else if err := report.print(cmd.OutOrStdout(), where); err != nil {
		return err
	}
	if wrong {
		return exitCode(exitNothing)
	}
	return nil
}

// wrong says whether anything is lost or unreadable.
func (r *checkReport) wrong() bool { return r.mendable() || len(r.Lost) > 0 }

// mendable says whether something is wrong that a repair is about. What a log has lost comes back by no repair.
func (r *checkReport) mendable() bool {
	return !r.Whole() || len(r.Holes) > 0 || r.Spool != nil && len(r.Spool.Findings) > 0
}

// checkBeside looks at what is beside the catalog and its segments: deletions, and what waits for the object store.
func (o *checkOptions) checkBeside(ctx context.Context, p *place, where string, report *checkReport) error {
	audit, err := deletion.Read(ctx, p.store)
	if err != nil {
		return err
	}
	report.Deletions, report.Waiting = audit.Requests, audit.Waiting
	report.Findings = append(report.Findings, audit.Findings...)
	if isURL(where) {
		return nil
	}
	if _, err := os.Stat(datadir.SpoolDir(where)); err != nil {
		return nil // there is none where the store is a directory
	}
	spool, err := store.OpenDir(datadir.SpoolDir(where))
	if err != nil {
		return err
	}
	report.Spool, err = scrub.CheckSpool(ctx, spool, o.quick)
	return err
}

// graceRunning is how young an object that no commit names may be while clew runs: it is being written, or waits to be deleted.
const graceRunning = 2 * time.Hour

func (o *checkOptions) check(ctx context.Context, words io.Writer, p *place) (*checkReport, error) {
	report := &checkReport{Source: p.source, Holes: []datadir.Hole{}}
	opt := scrub.Options{Quick: o.quick, Now: time.Now()}
	if p.dir != nil {
		report.Holes = append(report.Holes, p.dir.Holes...)
	} else {
		opt.Grace = graceRunning
	}
	last := time.Now()
	opt.Progress = func(done, of int) {
		if now := time.Now(); !o.quiet && now.Sub(last) > time.Second {
			last = now
			fmt.Fprintf(words, "clew: %d of %d segments\n", done, of)
		}
	}
	v := p.catalog.Acquire()
	defer v.Release()
	r, err := scrub.Check(ctx, p.store, v, opt)
	if err != nil {
		return nil, err
	}
	report.Report, report.Lost = *r, lossesOf(v)
	if p.dir != nil || r.Whole() {
		return report, nil
	}
	// While clew runs, segments are merged and dropped: what the catalog no longer names may be gone.
	now, err := p.reload(ctx)
	if err != nil {
		return nil, err
	}
	named := map[string]bool{}
	for s := range now.Current().All() {
		named[s.ID] = true
	}
	report.Findings = slices.DeleteFunc(report.Findings, func(f scrub.Finding) bool { return f.Segment != "" && f.Fatal() && !named[f.Segment] })
	return report, nil
}

// repair mends the commit stream and sets aside the segments that cannot be read.
func repair(ctx context.Context, dir *datadir.Dir, report *checkReport) error {
	if err := dir.Mend(ctx, slog.New(slog.DiscardHandler)); err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	var ids []string
	for _, f := range report.Findings {
		// A newer version is not damage: a newer clew reads it.
		if f.Segment != "" && f.Fatal() && f.Problem != scrub.NewerVersion {
			ids = append(ids, f.Segment)
		}
	}
	slices.Sort(ids)
	var err error
	if report.SetAside, err = dir.SetAside(ctx, slices.Compact(ids)); err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	for _, f := range report.Findings {
		if f.Fatal() && f.Problem != scrub.NewerVersion && strings.HasPrefix(f.File, deletion.Prefix) {
			moved, err := scrub.SetAside(ctx, dir.Store, f.File)
			if err != nil {
				return fmt.Errorf("repair: %w", err)
			}
			report.SetAside = append(report.SetAside, moved)
		}
	}
	report.Repaired = true
	return reopen(ctx, dir, report)
}

// reopen has deletions carried out again whose work may have been lost with a commit.
func reopen(ctx context.Context, dir *datadir.Dir, report *checkReport) (err error) {
	if len(report.Holes) == 0 {
		return nil
	}
	since := report.Holes[0].Since
	for _, h := range report.Holes {
		if h.Since.Before(since) {
			since = h.Since
		}
	}
	if report.Reopened, err = deletion.Reopen(ctx, dir.Store, since); err != nil {
		return fmt.Errorf("repair: %w", err)
	}
	report.Waiting += len(report.Reopened)
	return nil
}

func (r *checkReport) print(out io.Writer, where string) error {
	var err error
	line := func(format string, args ...any) {
		if err == nil {
			_, err = fmt.Fprintf(out, format+"\n", args...)
		}
	}
	for _, h := range r.Holes {
		line("commit stream: %s", h)
	}
	for _, f := range r.Findings {
		line("%s", f)
	}
	for i := range r.Lost {
		l := &r.Lost[i]
		line("shard %d: %s; `clew cluster losses accept %s` once it is known", l.Shard, l, l.ID(l.Shard))
	}
	if r.Spool != nil {
		for _, f := range r.Spool.Findings {
			line("spool: %s; the log has its records: start clew anew, which empties the spool and seals them again", f)
		}
	}
	for _, name := range r.SetAside {
		line("set aside: %s", name)
	}
	if len(r.Reopened) > 0 {
		line("%d deletions are carried out again once clew runs, because what they took out may have been lost: their outcomes were moved to %s", len(r.Reopened), strings.Join(r.Reopened, ", "))
	}
	line("%s: %d segments with %d rows; %d objects of %d bytes; catalog from %s", where, r.Segments, r.Rows, r.Objects, r.Bytes, r.Source)
	if r.Deletions > 0 {
		line("deletions: %d requested, %d of them not done", r.Deletions, r.Waiting)
	}
	if r.Spool != nil && r.Spool.Segments > 0 {
		line("spool: %d segments with %d rows wait for the object store; the log has their records until they are there", r.Spool.Segments, r.Spool.Rows)
	}
	switch {
	case !r.wrong():
		line("whole")
	case r.Repaired:
		line("repaired: clew starts, and answers without what was set aside")
	case r.Whole() && len(r.Holes) == 0: // but for the spool, or the log, of which nothing is here
	default:
		line("not whole: stop clew and run `clew check --repair %s`, or restore a backup", where)
	}
	return err
}
