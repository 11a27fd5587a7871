package shardlog

import (
	"context"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// LieAboutSpace makes appends believe that the disk is nearly empty while lie is true. It is to be called before the log is used.
func (e *Embedded) LieAboutSpace(lie *atomic.Bool) {
	liar := *e.client.disk
	liar.statfs = func(dir string, st *unix.Statfs_t) error {
		err := unix.Statfs(dir, st)
		if lie.Load() {
			st.Bavail = st.Blocks
		}
		return err
	}
	e.client.disk = &liar
}

// Restart restarts the server, as Run does after a failure.
func (e *Embedded) Restart(ctx context.Context) error { return e.restart(ctx) }

// Peer is another client of the same server, as another process would be.
type Peer struct{ *client }

// Peer connects one.
func (e *Embedded) Peer(ctx context.Context) (*Peer, error) {
	p := &Peer{newClient(e.cfg, embeddedTiming)}
	s, stored, err := startSession(ctx, e.srv, e.cfg)
	p.link = newLink(s)
	p.shards.Store(int64(p.cfg.Shards))
	p.stored.Store(int64(stored))
	return p, err
}

// Cut takes the connection away.
func (p *Peer) Cut() { p.link.swap(nil) }

// Close ends all.
func (p *Peer) Close() {
	p.link.close()
	p.cancel()
}
