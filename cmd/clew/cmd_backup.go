package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"clew/index/store"
	"clew/ingest/backup"
)

type backupOptions struct {
	clientFlags
	noSeal bool
}

func newBackupCommand() *cobra.Command {
	var o backupOptions
	cmd := &cobra.Command{
		Use:   "backup [flags] DIR TARGET",
		Short: "Copy the segments and the catalog of a data directory, while clew runs or not",
		Long: `Copy what a data directory holds to TARGET, another directory. Segments never change, so a second backup to the same target copies only what is new,
and each backup is a whole one: TARGET keeps a catalog of each.

A clew that runs on the directory (--server) seals what it has in memory first, so that everything acknowledged before is in the backup. Of a directory
that no clew runs on, records that are in no segment yet are not in the backup: the number of such log messages is printed, and is in the
backup's description. Every copy is read back and its checksums compared.

Exit codes: 0 complete, 1 there are records or damaged segments that are not in it, 2 error.`,
		Example: `  clew backup /var/lib/clew /mnt/backup
  clew restore --list /mnt/backup
  clew restore /mnt/backup /var/lib/clew-restored`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd, args[0], args[1]) },
	}
	o.registerServer(cmd)
	cmd.Flags().BoolVar(&o.noSeal, "no-seal", false, "do not ask the clew that runs to seal first")
	return cmd
}

func (o *backupOptions) run(ctx context.Context, cmd *cobra.Command, from, to string) error {
	p, err := openPlace(ctx, from, &o.clientFlags)
	if err != nil {
		return err
	}
	defer p.close()
	target, err := store.OpenDir(to)
	if err != nil {
		return err
	}
	source := backup.Source{Store: p.store, Catalog: func(ctx context.Context) ([]byte, error) {
		c, err := p.reload(ctx)
		if err != nil {
			return nil, err
		}
		return c.Current().Snapshot()
	}}
	d := backup.Description{Time: time.Now().UTC(), Clew: version, Source: from}
	if d.Source, err = filepath.Abs(from); err != nil {
		return err
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
		if err := p.server.post(ctx, "/api/v1/admin/seal"); err != nil {
			return fmt.Errorf("seal before the backup: %w", err)
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
	if d.LogMessages > 0 {
		fmt.Fprintf(out, "not in it: %d messages of the log that are in no segment; start clew, and back up while it runs\n", d.LogMessages)
	}
	if len(done.Damaged) > 0 || d.LogMessages > 0 {
		return exitCode(exitNothing)
	}
	return nil
}

type restoreOptions struct {
	list bool
	name string
}

func newRestoreCommand() *cobra.Command {
	var o restoreOptions
	cmd := &cobra.Command{
		Use:   "restore [flags] BACKUP [DIR]",
		Short: "Make a data directory from a backup",
		Long: `Make DIR, which must not exist or be empty, from a backup that clew backup made: the latest, or the one named by --name. Every object is checked after it was copied.
Start clew on it with as many shards as before (the number is printed).`,
		Example: `  clew restore --list /mnt/backup
  clew restore /mnt/backup /var/lib/clew
  clew restore --name 20261121T093000Z /mnt/backup /var/lib/clew`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), cmd, args) },
	}
	cmd.Flags().BoolVar(&o.list, "list", false, "list the backups that are there, oldest first")
	cmd.Flags().StringVar(&o.name, "name", "", "the backup to restore (default: the latest)")
	return cmd
}

func (o *restoreOptions) run(ctx context.Context, cmd *cobra.Command, args []string) error {
	from, err := store.OpenDir(args[0])
	if err != nil {
		return err
	}
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
	d, err := backup.Restore(ctx, from, o.name, args[1])
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: backup %s with %d segments and %d rows; run clew with shards: %d or more\n",
		args[1], d.Name, d.Segments, d.Rows, d.Shards)
	return err
}
