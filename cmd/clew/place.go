package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"path/filepath"

	"clew/index/catalog"
	"clew/index/store"
	"clew/ingest/datadir"
	"clew/ingest/shardlog"
)

// place is where data is: a data directory that no clew runs on (dir), one that a clew runs on, or an object store.
type place struct {
	store   store.Store
	catalog *catalog.Catalog
	dir     *datadir.Dir // nil where it is not ours to write
	server  *client      // of the clew that runs on it; nil: none
	source  string       // what the catalog was read from
	why     string       // why dir is nil
}

// openPlace opens a data directory or an object store's URL. of says how to reach a clew that runs on the directory.
func openPlace(ctx context.Context, where string, of *clientFlags) (*place, error) {
	quiet := slog.New(slog.DiscardHandler)
	dir, err := datadir.Open(ctx, where, quiet)
	switch {
	case err == nil:
		return &place{store: dir.Store, catalog: dir.Catalog, dir: dir, source: "the commits"}, nil
	case !errors.Is(err, shardlog.ErrInUse):
		return nil, err
	}
	p := &place{why: fmt.Sprintf("a clew runs on %s: stop it first", where)}
	if p.store, err = store.OpenDir(datadir.SegmentsDir(where)); err != nil {
		return nil, err
	}
	if p.server, err = of.client(); err != nil {
		return nil, err
	}
	if p.catalog, err = p.reload(ctx); err != nil {
		return nil, fmt.Errorf("a clew runs on %s; ask it for its catalog: %w", filepath.Clean(where), err)
	}
	p.source = "the clew that runs on it (" + p.server.server + ")"
	return p, nil
}

// reload gives the catalog as it is now, of a clew that runs.
func (p *place) reload(ctx context.Context) (*catalog.Catalog, error) {
	if p.server == nil {
		return p.catalog, nil
	}
	body, err := p.server.open(ctx, "/api/v1/admin/catalog", url.Values{})
	if err != nil {
		return nil, err
	}
	defer body.Close()
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	c := catalog.New()
	return c, c.Load(data)
}

func (p *place) close() {
	if p.dir != nil {
		// Nothing is lost if it fails: what was written is fsynced.
		_ = p.dir.Close()
	}
}
