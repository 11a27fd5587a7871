package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"clew/index"
	"clew/index/segment"
	"clew/index/store"
	"clew/ingest/spool"
)

// uploadAll is a worker: it uploads and commits local segments until ctx ends.
func (in *Ingest) uploadAll(ctx context.Context) {
	for {
		h, ok := in.uploads.Next(ctx)
		if !ok {
			return
		}
		pause := in.uploadOldest(h)
		if !in.uploads.Done(h, pause) {
			h.owner.retireEmpty(h)
		}
	}
}

// uploadOldest brings a head's oldest generation, which is in the spool, into the store and the catalog. As with seals, it can be cut anywhere.
func (in *Ingest) uploadOldest(h *head) (pause time.Duration) {
	g, o := h.toUpload(), h.owner
	if g == nil || o.ctx.Err() != nil {
		return 0
	}
	l := g.content.(*spool.Local) // as toUpload says
	began := time.Now()
	err := in.uploadAndCommit(o, h, g, l)
	if err == nil {
		in.metrics.sealSeconds.Observe(time.Since(began).Seconds())
		if since := in.spool.UploadSucceeded(); !since.IsZero() {
			in.log.Info("segments can be uploaded again", "after", time.Since(since).Round(time.Second), "waiting", in.spool.Status().Segments)
			in.uploads.Hurry()
		}
		in.sealed(o, l.Entries())
		if in.spool.RoomAgain() {
			in.queue.Hurry()
		}
		return 0
	}
	if o.ctx.Err() != nil {
		return 0 // abandon has dropped it
	}
	l.Failures++
	in.metrics.uploadFailures.WithLabelValues(uploadReason(err)).Inc()
	if in.spool.UploadFailed(err, time.Now()) {
		in.log.Error("segments can't be uploaded; they are kept on the local disk and in the log, stay searchable, and are uploaded as soon as that works",
			"error", err)
	}
	pause = min(uploadRetryMin<<min(l.Failures-1, 10), uploadRetryMax)
	pause += time.Duration(rand.Int64N(int64(pause / 4))) // several processes that lost one store should not come back in step
	if store.IsAway(err) {
		in.uploads.Hold(pause) // the others would meet the same
	}
	return pause
}

// uploadReason is a label: few of them, whatever goes wrong.
func uploadReason(err error) string {
	var away *store.AwayError
	var full *store.FullError
	switch {
	case errors.As(err, &away):
		return away.Reason
	case errors.As(err, &full):
		return "full"
	}
	return "other"
}

func (in *Ingest) uploadAndCommit(o *owner, h *head, g *generation, l *spool.Local) error {
	in.step("spooled")
	for _, f := range l.Files() {
		if f.Uploaded {
			continue
		}
		if err := f.Sound(o.ctx); errors.As(err, new(*index.DamageError)) {
			in.metrics.uploadFailures.WithLabelValues("damaged").Inc()
			o.stop(fmt.Errorf("a segment was damaged while it waited for its upload, the log is read again: %w", err))
			return err
		} else if err != nil {
			return fmt.Errorf("upload segment of %s of %s: %w", h.key.Signal, h.key.Tenant, err)
		}
		parquet, indexName := segment.Names(f.Entry.ID)
		for _, name := range []string{parquet, indexName} {
			if err := in.upload(o.ctx, f.Objects, name); err != nil {
				return fmt.Errorf("upload segment of %s of %s: %w", h.key.Signal, h.key.Tenant, err)
			}
		}
		f.Uploaded = true
	}
	in.step("uploaded")
	return in.commitSealed(o, h, g, l.Entries())
}

// upload copies an object of the spool to the store and returns once it is whole there. It may be done again: the bytes are the same.
func (in *Ingest) upload(ctx context.Context, from store.Store, name string) error {
	size, err := from.Size(ctx, name)
	if err != nil {
		return err
	}
	put, err := in.store.Put(ctx, name, func(w io.Writer) error {
		buffer := make([]byte, min(size, uploadBufferBytes))
		for off := int64(0); off < size; off += int64(len(buffer)) {
			buffer = buffer[:min(size-off, int64(len(buffer)))]
			if err := from.ReadAt(ctx, name, buffer, off); err != nil {
				return err
			}
			if _, err := w.Write(buffer); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil && put != size {
		err = fmt.Errorf("put %s: store took %d bytes of %d", name, put, size)
	}
	return err
}
