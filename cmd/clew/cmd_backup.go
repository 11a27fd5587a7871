package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"clew/index/store"
	"clew/index/store/bucket"
	"clew/ingest/backup"
	"clew/query/api"
)

type backupOptions struct {
	placeFlags
	noSeal bool
	seal   []string
}

func newBackupCommand() *cobra.Command {
	var o backupOptions
	cmd := &cobra.Command{
		Use:   "backup [flags] DIR|URL TARGET",
		Short: "Copy the segments and the catalog of a data directory, while clew runs or not",
		Long: `Copy what a data directory holds, or what is in its object store, to TARGET, another directory or object store. Segments never change, so a second
backup to the same target copies only what is new, and each backup is a whole one: TARGET keeps a catalog of each.

A clew that runs on the directory (--server) seals what it has in memory first, so that everything acknowledged before is in the backup. Of a directory
that no clew runs on, records that are in no segment yet are not in the backup: the number of such log messages is printed, and is in the
backup's description. (That includes segments that wait on the local disk for an object store: the log still has their records.) The record of deletions is in
the backup: restored, those that were done are done, and those that were not go on. Every copy is read back and its checksums compared.

Of a cluster, name the object store, with --server one of its processes, and with --seal each that has the role ingest: each seals the shards that it owns. What the log had
before and no segment has afterwards is counted by shard, as with a directory.

Exit codes: 0 complete, 1 there are records or damaged segments that are not in it, 2 error.`,
		Example: `  clew backup /var/lib/clew /mnt/backup
  clew backup /var/lib/clew 's3://backups/clew?region=eu-north-1'
  clew backup --server http://clew.internal:7400 's3://telemetry/clew?region=eu-north-1' /mnt/backup
  clew backup --server http://query-1:7400 --seal http://ingest-1:7400 --seal http://ingest-2:7400 's3://telemetry/clew?region=eu-north-1' /mnt/backup
  clew restore --list /mnt/backup
  clew restore /mnt/backup /var/lib/clew-restored`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd, args[0], args[1]) },
	}
	o.register(cmd)
	cmd.Flags().StringArrayVar(&o.seal, "seal", nil, "`address` of a process that shall seal first, instead of --server; may be given several times: every process of a cluster with the role ingest")
	cmd.Flags().BoolVar(&o.noSeal, "no-seal", false, "do not ask the clew that runs to seal first")
	return cmd
}

func (o *backupOptions) run(ctx context.Context, cmd *cobra.Command, from, to string) error {
	o.parsed(cmd)
	p, err := openPlace(ctx, from, &o.placeFlags)
	if err != nil {
		return err
	}
	defer p.close()
	if p.snapshot {
		return fmt.Errorf("the newest snapshot of %s may be old: name the data directory instead, or with --server the clew that writes there", from)
	}
	target, closer, err := openObjects(ctx, to)
	if err != nil {
		return err
	}
	defer closer.Close()
	source := backup.Source{Store: p.store, Catalog: func(ctx context.Context) ([]byte, error) {
		c, err := p.reload(ctx)
		if err != nil {
			return nil, err
		}
		return c.Current().Snapshot()
	}}
	d := backup.Description{Time: time.Now().UTC(), Clew: version, Source: from}
	if !isURL(from) {
		if d.Source, err = filepath.Abs(from); err != nil {
			return err
		}
	}
	switch {
	case p.dir != nil:
		for shard := range p.dir.Log.ShardsStored() {
			n, err := p.dir.Tail(ctx, shard)
			if err != nil {
				return err
			}
			d.LogMessages += n
		}
	case !o.noSeal:
		if d.LogMessages, err = o.sealFirst(ctx, p, cmd.OutOrStdout()); err != nil {
			return fmt.Errorf("seal before the backup (--no-seal takes what is in segments already): %w", err)
		}
	}
	done, err := backup.Take(ctx, source, target, d)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	for _, f := range done.Damaged {
		fmt.Fprintln(out, f)
	}
	fmt.Fprintf(out, "%s: %d segments with %d rows, %d bytes; %d objects copied now\n", done.Name, done.Segments, done.Rows, done.Bytes, done.Copied)
	if done.Deletions > 0 {
		fmt.Fprintf(out, "deletions: %d, %d of them not done\n", done.Deletions, done.Waiting)
	}
	if d.LogMessages > 0 {
		what := "start clew, and back up while it runs"
		if p.dir == nil {
			what = "does every shard have an owner (clew cluster status), and was each process with the role ingest named by --seal?"
		}
		fmt.Fprintf(out, "not in it: %d messages of the log that are in no segment; %s\n", d.LogMessages, what)
	}
	if len(done.Damaged) > 0 || d.LogMessages > 0 {
		return exitCode(exitNothing)
	}
	return nil
}

// sealFirst has what is in memory sealed, and returns how many of the messages that the log had before are in no segment yet.
func (o *backupOptions) sealFirst(ctx context.Context, p *place, out io.Writer) (left uint64, err error) {
	var before, after api.Cluster
	if err := p.server.get(ctx, "/api/v1/cluster", url.Values{}, &before); err != nil {
		return 0, err
	}
	servers := []*client{p.server}
	if len(o.seal) > 0 {
		servers = nil
	}
	for _, address := range o.seal {
		flags := o.clientFlags
		flags.server = address
		c, err := flags.client()
		if err != nil {
			return 0, fmt.Errorf("--seal: %w", err)
		}
		servers = append(servers, c)
	}
	for _, c := range servers {
		if err := c.post(ctx, "/api/v1/admin/seal"); err != nil {
			return 0, fmt.Errorf("%s: %w", c.server, err)
		}
	}
	// The process that is asked for the catalog may hear of the last commits a moment later than who wrote them.
	for deadline := time.Now().Add(sealHeardWithin); ; {
		if err := p.server.get(ctx, "/api/v1/cluster", url.Values{}, &after); err != nil {
			return 0, err
		}
		by := unsealed(&before, &after)
		if left = 0; len(by) > 0 && time.Now().Before(deadline) {
			time.Sleep(sealHeardWithin / 20)
			continue
		}
		for _, shard := range slices.Sorted(maps.Keys(by)) {
			fmt.Fprintf(out, "shard %d: %d messages of the log are in no segment\n", shard, by[shard])
			left += by[shard]
		}
		return left, nil
	}
}

// sealHeardWithin is how long it may take until a commit is known everywhere.
const sealHeardWithin = 5 * time.Second

// unsealed are, by shard, the messages that the log had before and that are in no segment after.
func unsealed(before, after *api.Cluster) map[int]uint64 {
	floors := map[int]uint64{}
	for _, s := range after.List {
		floors[s.Shard] = s.Floor
	}
	left := map[int]uint64{}
	for _, s := range before.List {
		if floor := floors[s.Shard]; s.Last > floor {
			left[s.Shard] = s.Last - floor
		}
	}
	return left
}

type restoreOptions struct {
	list        bool
	logLost     bool
	name, store string
}

func newRestoreCommand() *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore [flags] BACKUP [DIR]",
		Short: "Make a data directory from a backup",
		Long: `Make DIR, which must not exist or be empty, from a backup that clew backup made in a directory or object store: the latest, or the one named by --name. Every object is checked
after it was copied. With --store the segments go to an object store, which must hold none; run clew with the same --store then.
Start clew on it with as many shards as before (the number is printed).

With --log-lost BACKUP is no backup, but the object store of a clew whose log is lost (all of NATS, or the disk of a single process), and that nothing writes to. The catalog is made anew of its newest snapshot,
and of what newer segments say of themselves. The store is only read: segments that are not taken are named, and stay there. Segments that are in --store already, of the same size, are not copied again: a large
store may be copied (segments/ alone) by the provider's means first.

A cluster needs nothing of DIR: it begins with what is in the object store, and with a NATS that has no streams of clew.`,
		Example: `  clew restore --list /mnt/backup
  clew restore /mnt/backup /var/lib/clew
  clew restore --name 20261121T093000Z /mnt/backup /var/lib/clew
  clew restore --store 's3://telemetry/clew?region=eu-north-1' 's3://backups/clew?region=eu-north-1' /var/lib/clew
  clew restore --log-lost --store 's3://telemetry/clew-2?region=eu-north-1' 's3://telemetry/clew?region=eu-north-1' /tmp/restored`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd, args) },
	}
	cmd.Flags().BoolVar(&o.list, "list", false, "list the backups that are there, oldest first")
	cmd.Flags().BoolVar(&o.logLost, "log-lost", false, "BACKUP is the object store of a clew whose log is lost")
	cmd.Flags().StringVar(&o.name, "name", "", "the backup to restore (default: the latest)")
	cmd.Flags().StringVar(&o.store, "store", "", "`URL` of the object store that gets the segments (default: DIR)")
	return cmd
}

func (o *restoreOptions) run(ctx context.Context, cmd *cobra.Command, args []string) error {
	from, closer, err := openObjects(ctx, args[0])
	if err != nil {
		return err
	}
	defer closer.Close()
	if o.list {
		all, err := backup.List(ctx, from)
		if err != nil {
			return err
		}
		for _, d := range all {
			fmt.Fprintf(cmd.OutOrStdout(), "%s  %d segments, %d rows, %d bytes, of %s\n", d.Name, d.Segments, d.Rows, d.Bytes, d.Source)
		}
		if len(all) == 0 {
			return exitCode(exitNothing)
		}
		return nil
	}
	if len(args) < 2 {
		return fmt.Errorf("restore: name the directory to make")
	}
	if o.logLost && o.name != "" {
		return fmt.Errorf("restore: --log-lost and --name: a store is no backup, and has no names")
	}
	target := backup.Target{Dir: args[1], Begun: o.logLost}
	if o.store != "" {
		far, closer, err := openFar(ctx, args[1], o.store)
		if err != nil {
			return err
		}
		defer closer.Close()
		to, err := bucket.ParseURL(o.store)
		if err != nil {
			return err
		}
		target.Far, target.Place = far, to.Place()
	}
	if o.logLost {
		return salvage(ctx, cmd, from, args, target)
	}
	d, err := backup.Restore(ctx, from, o.name, target)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: backup %s with %d segments and %d rows; run clew with shards: %d or more\n",
		args[1], d.Name, d.Segments, d.Rows, d.Shards)
	return err
}

// salvage makes a data directory of a store whose log is lost, and says what is known of what it lacks.
func salvage(ctx context.Context, cmd *cobra.Command, from store.Store, args []string, target backup.Target) error {
	logger := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
	s, err := backup.Salvage(ctx, from, target, logger)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	for _, l := range s.Left {
		fmt.Fprintf(out, "left in %s: %s: %s\n", args[0], l.ID, l.Why)
	}
	began := fmt.Sprintf("the snapshot of commit %d", s.Sequence)
	if s.Sequence == 0 {
		began = "no snapshot, or a restored one"
	}
	fmt.Fprintf(out, "%s: %d segments with %d rows, from %s, %d of them newer; run clew with shards: %d or more\n", args[1], s.Segments, s.Rows, began, s.Newer, s.Shards)
	fmt.Fprintf(out, "%d segments of the snapshot are not there: merged, expired or deleted since\n", len(s.Gone))
	if s.Reopened+s.Waiting > 0 {
		fmt.Fprintf(out, "deletions: %d were not done and go on, %d objects of such that were done lately are set aside: those are carried out again\n", s.Waiting, s.Reopened)
	}
	_, err = fmt.Fprintln(out, "not in it: what was acknowledged and in no segment yet. What senders repeat of the time after the snapshot may be stored twice")
	return err
}
