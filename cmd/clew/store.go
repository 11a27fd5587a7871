package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"clew/index/segment"
	"clew/index/store"
	"clew/index/store/bucket"
	"clew/index/store/nearby"
	"clew/index/store/patient"
	"clew/ingest/datadir"
	"clew/ingest/pair"
	"clew/ingest/spool"
)

// RemoteConfig says what of a store that is not a directory is kept here.
type RemoteConfig struct {
	// CacheBytes bounds the blocks of objects that are kept on the local disk, in data/cache.
	CacheBytes int64 `yaml:"cache_bytes"`
	// HotBytes bounds the column chunks that are kept in memory as they are stored. Less than 32 MiB can't be had; 0: none.
	HotBytes int64 `yaml:"hot_bytes"`
	// SpoolBytes bounds the segments that wait on the local disk, in data/spool, while the store is away. 0: as log.bytes_max, whose content takes a fifth of it.
	SpoolBytes int64 `yaml:"spool_bytes"`
	// Uploads is how many segments are uploaded at a time.
	Uploads int `yaml:"uploads"`
}

func defaultRemoteConfig() RemoteConfig {
	return RemoteConfig{CacheBytes: 8 << 30, HotBytes: 64 << 20, Uploads: 2}
}

// validateStore reports what is wrong with the keys store and remote.
func (c *Config) validateStore(bad func(key, format string, args ...any)) {
	if c.Store != "" {
		if _, err := bucket.ParseURL(c.Store); err != nil {
			bad("store", "%s", strings.TrimPrefix(err.Error(), "store URL: "))
		}
	}
	const cacheLeast, hotLeast, uploadsMost = 64 << 20, 32 << 20, 16
	if c.Remote.CacheBytes < cacheLeast {
		bad("remote.cache_bytes", "%d: want at least %d", c.Remote.CacheBytes, cacheLeast)
	}
	if n := c.Remote.HotBytes; n != 0 && n < hotLeast {
		bad("remote.hot_bytes", "%d: want at least %d, or 0 (none)", n, hotLeast)
	}
	if c.Remote.SpoolBytes < 0 {
		bad("remote.spool_bytes", "%d: want 0 (as log.bytes_max) or more", c.Remote.SpoolBytes)
	}
	if n := c.Remote.Uploads; n < 1 || n > uploadsMost {
		bad("remote.uploads", "%d: want 1 to %d", n, uploadsMost)
	}
}

// remote is what stands before a store that is not a directory. From the far end: patience, blocks on the local disk, copies of the catalog's snapshots.
type remote struct {
	bucket  *bucket.Store
	patient *patient.Store
	nearby  *nearby.Store
	spool   *store.Dir
}

// openStore opens the configured store: a directory of the data, or a bucket.
func (p *process) openStore(ctx context.Context) error {
	if err := p.checkStore(); err != nil {
		return err
	}
	if p.cfg.Store == "" {
		st, err := store.OpenDir(filepath.Join(p.cfg.Data, "segments"))
		p.store = st
		return err
	}
	var err error
	r := &remote{}
	if r.bucket, err = bucket.Open(ctx, p.cfg.Store); err != nil {
		return err
	}
	p.remote = r
	r.patient = patient.New(r.bucket, patient.Limits{}, p.logger.With("part", "store", "store", r.bucket.String()))
	if r.nearby, err = nearby.Open(r.patient, filepath.Join(p.cfg.Data, "cache"), p.cfg.Remote.CacheBytes); err != nil {
		return err
	}
	if p.store, err = datadir.Mirrored(p.cfg.Data, r.nearby); err != nil {
		return err
	}
	if r.spool, err = store.OpenDir(datadir.SpoolDir(p.cfg.Data)); err != nil {
		return err
	}
	p.registry.MustRegister(&remoteCollector{remote: r})
	return p.tryStore(ctx)
}

// storeTryTimeout bounds the question at the start: a store that does not answer is dealt with later, and clew starts without it.
const storeTryTimeout = 5 * time.Second

// tryStore says at once that the credentials or the bucket's name are wrong: whoever set them is looking now, and the first upload may be a
// quarter of an hour away. clew starts all the same, as it does while the store is away. It does not start on what is a cluster's: a process that runs alone
// would remove segments that its own log knows nothing of.
func (p *process) tryStore(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, storeTryTimeout)
	defer cancel()
	_, err := p.remote.bucket.List(ctx, "catalog/")
	var away *store.AwayError
	if errors.As(err, &away) && (away.Reason == store.AwayDenied || away.Reason == store.AwayNoBucket) {
		p.logger.Error("the object store refuses clew; segments will wait on the local disk until it takes them",
			"part", "store", "store", p.remote.bucket.String(), "reason", away.Reason, "error", away.Err.Error())
	}
	if p.cluster != nil || err != nil {
		return nil
	}
	if id, err := pair.Of(ctx, p.remote.bucket); err == nil && id != "" {
		return fmt.Errorf("store %s is a cluster's, of the log %s: say where its NATS runs (nats.urls, --nats), or give this clew another prefix", p.remote.bucket, id)
	}
	return nil
}

func (r *remote) close() error {
	if r.nearby != nil {
		r.nearby.Close()
	}
	return r.bucket.Close()
}

// checkStore refuses a data directory whose segments are elsewhere: its catalog would name segments that can't be found.
func (p *process) checkStore() error {
	want := p.cfg.Store
	if want != "" {
		target, err := bucket.ParseURL(want)
		if err != nil {
			return err
		}
		want = target.Place()
	}
	have, known, err := datadir.StorePlace(p.cfg.Data)
	if err != nil {
		return err
	}
	if known && have != want {
		return fmt.Errorf("the segments of %s are in %s, and store says %s: copy the objects, then write the new place into %s",
			p.cfg.Data, placeName(have), placeName(want), datadir.StoreFile(p.cfg.Data))
	}
	if known {
		return nil
	}
	if want != "" {
		if _, err := os.Stat(filepath.Join(p.cfg.Data, "segments")); err == nil {
			return fmt.Errorf("the segments of %s are in its directory segments, and store says %s: copy them there, then write that into %s", p.cfg.Data, want, datadir.StoreFile(p.cfg.Data))
		}
	}
	return datadir.SetStorePlace(p.cfg.Data, want)
}

// checkPair refuses an object store that is not that of the cluster's log. While the store is away a data directory that has been theirs before is believed, which
// remembers its store too.
func (p *process) checkPair(ctx context.Context) error {
	if p.cluster == nil {
		return nil
	}
	file := filepath.Join(p.cfg.Data, pairFile)
	v := p.catalog.Current()
	// Not by p.store: it keeps what it has read once.
	id, err := pair.Check(ctx, p.cluster, p.remote.patient, pair.Catalog{Sequence: v.Sequence(), Segments: v.Len()})
	var away *store.AwayError
	switch {
	case err == nil:
		if err := os.WriteFile(file, []byte(id+"\n"), 0o600); err != nil {
			return fmt.Errorf("identity of the log: %w", err)
		}
		return nil
	case !errors.As(err, &away):
		return fmt.Errorf("store %s: %w", p.remote.bucket, err)
	}
	ours, problem := p.cluster.Identity(ctx)
	if problem != nil {
		return problem
	}
	if before, problem := os.ReadFile(file); problem != nil || ours == "" || strings.TrimSpace(string(before)) != ours {
		return fmt.Errorf("store %s: it can't be asked whether it is that of the log in NATS, and this data directory has not seen them together: %w", p.remote.bucket, err)
	}
	p.logger.Warn("the object store can't be reached: clew starts on what it knows of it", "part", "store", "error", err)
	return nil
}

// pairFile is where the data directory of a cluster's process remembers the log that it and its store belong to.
const pairFile = "PAIR"

func placeName(place string) string {
	if place == "" {
		return "its directory segments"
	}
	return place
}

// ingestSpool is where segments wait for a store that is not a directory; nil with a directory.
func (p *process) ingestSpool(cache *segment.Cache) *spool.Config {
	if p.remote == nil {
		return nil
	}
	bytesMax := p.cfg.Remote.SpoolBytes
	if bytesMax == 0 {
		bytesMax = p.cfg.Log.BytesMax
	}
	return &spool.Config{Dir: p.remote.spool, BytesMax: bytesMax, Uploads: p.cfg.Remote.Uploads, Cache: cache}
}

// newCache makes the cache of what segments have read. The stored bytes of a directory are the page cache's business.
func (p *process) newCache() *segment.Cache {
	hot := p.cfg.Remote.HotBytes
	if p.remote == nil {
		hot = 0
	}
	return segment.NewCache(p.cfg.Query.CacheBytes, hot)
}
