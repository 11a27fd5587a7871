package backup

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"clew/index/store"
	"clew/ingest/deletion"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encodeAudit writes objects of deletions, one a line.
func encodeAudit(objects []deletion.Object) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false) // as they are
	for _, o := range objects {
		if err := enc.Encode(o); err != nil {
			return nil, fmt.Errorf("%s: %w", o.Name, err)
		}
	}
	return b.Bytes(), nil
}

// restoreDeletions puts the record of deletions as it was when the backup was taken. What was not done then is done by the clew that starts on it; what was
// requested later is not known there.
func restoreDeletions(ctx context.Context, from, to store.Store, d *Description) error {
	if d.Version < 2 {
		return nil // without one
	}
	name := prefix + d.Name + deletionsSuffix
	data, err := get(ctx, from, name)
	if err != nil {
		return err
	}
	if crc32.Checksum(data, castagnoli) != d.DeletionsCRC {
		return fmt.Errorf("%s: damaged: checksum", name)
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	for {
		var o deletion.Object
		if err := dec.Decode(&o); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := o.Put(ctx, to); err != nil {
			return err
		}
	}
}
