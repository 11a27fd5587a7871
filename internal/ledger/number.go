package ledger

import (
	"context"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"

	"clew/internal/telemetry"
)

// Headers (HTTP) or metadata (gRPC) of a numbered batch. A source numbers its batches 1, 2, 3 and so on, sends one at a time, and sends the next once it
// has an answer for good; a batch that is sent again, to whatever collector, has its number again.
const (
	SourceHeader = "clew-source"
	SeqHeader    = "clew-seq"
)

// Number is what a sender calls a batch.
type Number struct {
	Source string // <instance>/<signal>
	Seq    uint64 // from 1
}

// ParseNumber reads the values of the two headers: nil if there are none.
func ParseNumber(source, seq []string, signal telemetry.Signal) (*Number, error) {
	if len(source) == 0 && len(seq) == 0 {
		return nil, nil
	}
	if len(source) != 1 || len(seq) != 1 {
		return nil, fmt.Errorf("%s and %s: want one value each, have %d and %d", SourceHeader, SeqHeader, len(source), len(seq))
	}
	instance, of, _ := strings.Cut(source[0], "/")
	if !validInstance(instance) || of != signal.String() {
		return nil, fmt.Errorf("%s: %.100q: want an id of 1 to %d of a-z, 0-9 and -, and /%s", SourceHeader, source[0], instanceBytesMax, signal)
	}
	n, err := strconv.ParseUint(seq[0], 10, 64)
	if err != nil || n == 0 {
		return nil, fmt.Errorf("%s: %.40q: want a whole number from 1 on", SeqHeader, seq[0])
	}
	return &Number{Source: source[0], Seq: n}, nil
}

func validInstance(s string) bool {
	if s == "" || len(s) > instanceBytesMax {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

type numberKey struct{}

// WithNumber lets a batch's number travel with it to the end of its pipeline. A processor that makes batches anew leaves it behind; the records are taken then as
// those of any sender are.
func WithNumber(ctx context.Context, n *Number) context.Context {
	return context.WithValue(ctx, numberKey{}, n)
}

// NumberOf is the number that came with a batch, or nil.
func NumberOf(ctx context.Context) *Number {
	n, _ := ctx.Value(numberKey{}).(*Number)
	return n
}

// SourcePrefix begins the ids, in the shard log, of sources that number their batches themselves.
const SourcePrefix = "agent/"

// SourceID is what a source is called in the shard log. The tenant is in it, so that none can make another's batches look repeated; so is the number of shards: a
// batch that was in part appended, and comes again after the number has changed, is cut otherwise, and rather stored twice than not at all.
func SourceID(tenant, source string, shards int) string {
	return SourcePrefix + source + "/" + strconv.Itoa(shards) + "/" + tenantMark(tenant)
}

func tenantMark(tenant string) string {
	if tenant == telemetry.DefaultTenant {
		return "-"
	}
	h := fnv.New128a()
	h.Write([]byte(tenant))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// splitSourceID is the inverse of SourceID but for the tenant, of which it gives the mark.
func splitSourceID(id string) (source, mark string, ok bool) {
	parts := strings.Split(strings.TrimPrefix(id, SourcePrefix), "/")
	if len(parts) != 4 || !strings.HasPrefix(id, SourcePrefix) {
		return "", "", false
	}
	return parts[0] + "/" + parts[1], parts[3], true
}

// Stored is what came of a source's batches in the shard log, as far as it has been consumed.
type Stored struct {
	First, Last uint64 // numbers; what came before First, if anything, came elsewhere
	Records     uint64
	Repeated    uint64 // sent again and dropped
}

// ShardStored is Stored of all sources in one shard's log, by the sources' ids.
type ShardStored struct {
	Shard    int
	Whole    bool // all that was in the log when it was asked has been consumed
	Accounts map[string]Stored
}

// AddTo adds a shard's accounts to those of others. A source's batches are spread over shards, each record in one.
func (s *ShardStored) AddTo(sum map[string]Stored) {
	for id, more := range s.Accounts {
		a, known := sum[id]
		if !known || more.First < a.First {
			a.First = more.First
		}
		a.Last = max(a.Last, more.Last)
		a.Records += more.Records
		a.Repeated += more.Repeated
		sum[id] = a
	}
}
