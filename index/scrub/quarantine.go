package scrub

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"clew/index/segment"
	"clew/index/store"
)

// QuarantinePrefix begins the names of objects that were set aside. Nothing reads or removes them.
const QuarantinePrefix = "quarantine/"

// Quarantine copies what is there of a segment's objects to quarantine/ and returns the copies' names. The originals stay until
// [segment.Delete]: the commit that removes the segment comes in between.
func Quarantine(ctx context.Context, st store.Store, id string) ([]string, error) {
	var copies []string
	parquetName, indexName := segment.Names(id)
	for _, name := range []string{parquetName, indexName} {
		to := QuarantinePrefix + strings.TrimPrefix(name, segment.Prefix)
		switch err := Copy(ctx, st, name, st, to); {
		case store.IsNotExist(err):
		case err != nil:
			return copies, fmt.Errorf("set segment %s aside: %w", id, err)
		default:
			copies = append(copies, to)
		}
	}
	return copies, nil
}

// SetAside moves an object that is no segment's to quarantine/ and returns its name there.
func SetAside(ctx context.Context, st store.Store, name string) (string, error) {
	to := QuarantinePrefix + path.Base(name)
	err := Copy(ctx, st, name, st, to)
	if err == nil {
		err = st.Delete(ctx, name)
	}
	if err != nil {
		return "", fmt.Errorf("set %s aside: %w", name, err)
	}
	return to, nil
}

// Copy copies an object, piece by piece. An object of that name in the target is replaced.
func Copy(ctx context.Context, from store.Store, name string, to store.Store, as string) error {
	size, err := from.Size(ctx, name)
	if err != nil {
		return err
	}
	_, err = to.Put(ctx, as, func(w io.Writer) error {
		piece := make([]byte, min(size, copyBytes))
		for at := int64(0); at < size; at += int64(len(piece)) {
			piece = piece[:min(int64(len(piece)), size-at)]
			if err := from.ReadAt(ctx, name, piece, at); err != nil {
				return err
			}
			if _, err := w.Write(piece); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}
