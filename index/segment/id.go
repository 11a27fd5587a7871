package segment

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"clew/index/store"
	"clew/internal/telemetry"
)

// Prefix begins the names of all objects of segments.
const Prefix = "segments/"

const (
	parquetSuffix = ".parquet"
	indexSuffix   = ".index"
	timeLayout    = "20060102T150405.000000000Z"
)

// NewID makes a segment's id: shard, signal, time of creation and a random part, such as
// "0003-logs-20261121T093000.123456789Z-9f86d081884c7d65". Ids of a shard and signal sort by time. They do not name the
// tenant, so that names of objects tell nothing of who uses them.
func NewID(shard int, signal telemetry.Signal, created time.Time) string {
	var random [8]byte
	rand.Read(random[:]) // never fails: crypto/rand ends the process instead
	return fmt.Sprintf("%04d-%s-%s-%s", shard, signal, created.UTC().Format(timeLayout), hex.EncodeToString(random[:]))
}

// ParseID reads back what NewID put together.
func ParseID(id string) (shard int, signal telemetry.Signal, created time.Time, err error) {
	parts := strings.Split(id, "-")
	if len(parts) != 4 {
		return 0, 0, time.Time{}, fmt.Errorf("segment id %.60q: want 4 parts, have %d", id, len(parts))
	}
	shard, errShard := strconv.Atoi(parts[0])
	signal, errSignal := telemetry.ParseSignal(parts[1])
	created, errCreated := time.Parse(timeLayout, parts[2])
	if err := errors.Join(errShard, errSignal, errCreated); err != nil {
		return 0, 0, time.Time{}, fmt.Errorf("segment id %.60q: %w", id, err)
	}
	return shard, signal, created, nil
}

// Names are the names of a segment's two objects. The index is written last: where it is, the segment is whole.
func Names(id string) (parquet, index string) {
	return Prefix + id + parquetSuffix, Prefix + id + indexSuffix
}

// IDOf is the inverse of Names for either name; ok is false for names of anything else.
func IDOf(name string) (id string, ok bool) {
	id, ok = strings.CutPrefix(name, Prefix)
	if !ok {
		return "", false
	}
	if id, ok = strings.CutSuffix(id, parquetSuffix); ok {
		return id, true
	}
	return strings.CutSuffix(id, indexSuffix)
}

// Delete removes both objects of a segment; what is already gone is no error. The index goes first, so that whatever is
// left after a crash is not taken for a segment.
func Delete(ctx context.Context, st store.Store, id string) error {
	parquet, index := Names(id)
	for _, name := range []string{index, parquet} {
		if err := st.Delete(ctx, name); err != nil {
			return fmt.Errorf("delete segment %s: %w", id, err)
		}
	}
	return nil
}
