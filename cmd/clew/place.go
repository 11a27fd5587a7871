package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"clew/index/catalog"
	"clew/index/store"
	"clew/index/store/bucket"
	"clew/index/store/patient"
	"clew/ingest/datadir"
	"clew/ingest/shardlog"
)

// placeFlags are the flags of commands on data, whether a clew runs on it or not.
type placeFlags struct {
	clientFlags
	store       string
	serverGiven bool // by flag or environment, not by default
}

func (f *placeFlags) register(cmd *cobra.Command) {
	f.registerServer(cmd)
	cmd.Flags().StringVar(&f.store, "store", "", "`URL` of the object store with the directory's segments, if it takes parameters to reach it (default: the one that it remembers)")
}

// parsed looks at what the command line said.
func (f *placeFlags) parsed(cmd *cobra.Command) {
	f.serverGiven = cmd.Flags().Changed("server") || os.Getenv("CLEW_SERVER") != ""
}

// place is where data is: a data directory that no clew runs on (dir), one that a clew runs on, or an object store.
type place struct {
	store    store.Store
	catalog  *catalog.Catalog
	dir      *datadir.Dir // nil where it is not ours to write
	server   *client      // of the clew that runs on it; nil: none is asked
	snapshot bool         // the catalog is the newest snapshot in the store: later commits are not in it
	source   string       // what the catalog was read from
	why      string       // why dir is nil
	closers  []io.Closer
}

// isURL says whether a place is an object store and not a directory.
func isURL(where string) bool { return strings.Contains(where, "://") }

// openBucket opens an object store for a command: what fails because of the store is tried again a few times.
func openBucket(ctx context.Context, rawURL string) (store.RangeReader, io.Closer, error) {
	b, err := bucket.Open(ctx, rawURL)
	if err != nil {
		return nil, nil, err
	}
	return patient.New(b, patient.Limits{}, slog.New(slog.DiscardHandler)), b, nil
}

// openObjects opens a directory of objects or an object store, such as the target of a backup.
func openObjects(ctx context.Context, where string) (store.Store, io.Closer, error) {
	if isURL(where) {
		return openBucket(ctx, where)
	}
	dir, err := store.OpenDir(where)
	return dir, io.NopCloser(nil), err
}

// openFar opens the object store with the segments of a data directory; nil if they are in the directory. rawURL may say how to reach it.
func openFar(ctx context.Context, data, rawURL string) (store.RangeReader, io.Closer, error) {
	have, known, err := datadir.StorePlace(data)
	if err != nil {
		return nil, nil, err
	}
	if rawURL == "" {
		if have == "" {
			return nil, io.NopCloser(nil), nil
		}
		far, closer, err := openBucket(ctx, have)
		if err != nil {
			return nil, nil, sayStore(data, have, err)
		}
		return far, closer, nil
	}
	target, err := bucket.ParseURL(rawURL)
	if err != nil {
		return nil, nil, err
	}
	if want := target.Place(); known && want != have {
		return nil, nil, fmt.Errorf("the segments of %s are in %s, and --store says %s", data, placeName(have), want)
	}
	return openBucket(ctx, rawURL)
}

// sayStore adds to an error of a store that was reached by its place alone that it may take more than that: a directory does not remember endpoint and region.
func sayStore(data, place string, err error) error {
	example := map[string]string{
		"s3": "?region=eu-north-1' or '" + place + "?endpoint=http://minio.internal:9000", "gs": "?anonymous=true", "azblob": "?storage_account=ours",
	}
	scheme, _, _ := strings.Cut(place, "://")
	return fmt.Errorf("%w\n%s remembers that its segments are in %s, and not how to reach it: say so with --store, as clew run was told, such as\n  --store '%s%s'",
		err, data, place, place, example[scheme])
}

// openPlace opens a data directory or an object store's URL. of says how to reach a clew that runs on the directory.
func openPlace(ctx context.Context, where string, of *placeFlags) (_ *place, err error) {
	p := &place{}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	if isURL(where) {
		return p, p.openURL(ctx, where, of)
	}
	if shardlog.OfCluster(datadir.LogDir(where)) {
		return nil, fmt.Errorf("%s is of a process of a cluster: its log is on NATS and its segments are in the object store; name that store's URL, and with --server one of the processes", where)
	}
	far, closer, err := openFar(ctx, where, of.store)
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, closer)
	p.dir, err = datadir.Open(ctx, where, far, slog.New(slog.DiscardHandler))
	if err == nil {
		p.closers = append(p.closers, p.dir)
		p.store, p.catalog, p.source = p.dir.Store, p.dir.Catalog, "the commits"
		return p, nil
	}
	p.dir = nil
	if !errors.Is(err, shardlog.ErrInUse) {
		if place, known, _ := datadir.StorePlace(where); known && store.IsAway(err) && of.store == "" {
			return nil, sayStore(where, place, err)
		}
		return nil, err
	}
	p.why = fmt.Sprintf("a clew runs on %s: stop it first", where)
	if p.store = far; far == nil {
		if p.store, err = store.OpenDir(datadir.SegmentsDir(where)); err != nil {
			return nil, err
		}
	}
	if err := p.ask(ctx, of); err != nil {
		return nil, fmt.Errorf("a clew runs on %s; ask it for its catalog: %w", filepath.Clean(where), err)
	}
	return p, nil
}

// openURL opens an object store alone: with the catalog of the clew that writes there, if it was named, or the newest snapshot.
func (p *place) openURL(ctx context.Context, rawURL string, of *placeFlags) error {
	far, closer, err := openBucket(ctx, rawURL)
	if err != nil {
		return err
	}
	p.closers = append(p.closers, closer)
	p.store, p.why = far, "its commits are in the data directory of the clew that writes there: name that"
	if of.serverGiven {
		return p.ask(ctx, of)
	}
	p.snapshot, p.source = true, "the newest snapshot: commits after it are not in it"
	if p.catalog, err = p.reload(ctx); err != nil {
		return err
	}
	if snapshots, err := far.List(ctx, datadir.CatalogPrefix); err != nil {
		return err
	} else if len(snapshots) == 0 {
		return fmt.Errorf("%s has no snapshot of a catalog yet: name the data directory instead, or with --server the clew that writes there", rawURL)
	}
	return nil
}

// ask takes the catalog of a clew that runs.
func (p *place) ask(ctx context.Context, of *placeFlags) (err error) {
	if p.server, err = of.client(); err != nil {
		return err
	}
	p.source = "the clew that runs on it (" + p.server.server + ")"
	p.catalog, err = p.reload(ctx)
	return err
}

// reload gives the catalog as it is now.
func (p *place) reload(ctx context.Context) (*catalog.Catalog, error) {
	c := catalog.New()
	switch {
	case p.server != nil:
		body, err := p.server.open(ctx, "/api/v1/admin/catalog", url.Values{})
		if err != nil {
			return nil, err
		}
		defer body.Close()
		data, err := io.ReadAll(body)
		if err != nil {
			return nil, err
		}
		return c, c.Load(data)
	case p.snapshot:
		return c, c.Restore(ctx, p.store, slog.New(slog.DiscardHandler))
	}
	return p.catalog, nil
}

func (p *place) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		// Nothing is lost if it fails: what was written is fsynced.
		_ = p.closers[i].Close()
	}
}
