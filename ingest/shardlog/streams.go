package shardlog

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// The names of streams and subjects. They are part of the format on disk.
const (
	logStreamPrefix = "CLEW_LOG_"
	commitsStream   = "CLEW_COMMITS"
	leasesStream    = "CLEW_LEASES"
	settingsStream  = "CLEW_SETTINGS" // in a cluster only

	logSubjectPrefix    = "clew.log."
	commitSubjectPrefix = "clew.commit."
	leaseSubjectPrefix  = "clew.lease."
	shardsSubject       = "clew.setting.shards"
	identitySubject     = "clew.setting.log"
)

// JetStream's error codes that the client library has no names for.
const (
	errCodeInsufficientResources jetstream.ErrorCode = 10023
	errCodeStorageExceeded       jetstream.ErrorCode = 10047
	errCodeStoreFailed           jetstream.ErrorCode = 10077
	errCodeTooManyRequests       jetstream.ErrorCode = 10167
)

func logStream(shard int) string     { return logStreamPrefix + strconv.Itoa(shard) }
func logSubject(shard int) string    { return logSubjectPrefix + strconv.Itoa(shard) }
func commitSubject(shard int) string { return commitSubjectPrefix + strconv.Itoa(shard) }
func leaseSubject(shard int) string  { return leaseSubjectPrefix + strconv.Itoa(shard) }

// streamConfigs are the streams of a log that takes appends to shards.
//
// None uses message ids, so the window for duplicates is as short as JetStream has it. None deletes on its own: Trim, Purge and
// release do; a full log refuses. Leases are the exception: one lasts ttl.
func streamConfigs(shards, replicas int, logBytesMax int64, leaseTTL time.Duration) []jetstream.StreamConfig {
	base := jetstream.StreamConfig{
		Storage: jetstream.FileStorage, Retention: jetstream.LimitsPolicy, Discard: jetstream.DiscardNew,
		Replicas: replicas, Duplicates: duplicateWindow,
	}
	var cfgs []jetstream.StreamConfig
	for i := range shards {
		c := base
		c.Name, c.Subjects = logStream(i), []string{logSubject(i)}
		c.MaxBytes = logBytesMax / int64(shards)
		cfgs = append(cfgs, c)
	}
	commits := base
	commits.Name, commits.Subjects = commitsStream, []string{commitSubjectPrefix + "*"}
	leases := base
	leases.Name, leases.Subjects = leasesStream, []string{leaseSubjectPrefix + "*"}
	leases.Discard = jetstream.DiscardOld
	leases.MaxMsgsPerSubject = 1
	leases.MaxAge = leaseTTL
	return append(cfgs, commits, leases)
}

// createStreams creates or adapts the streams, and returns how many shards have one.
func createStreams(ctx context.Context, s *session, cfg Config) (stored int, err error) {
	for _, sc := range streamConfigs(cfg.Shards, 1, cfg.LogBytesMax, cfg.LeaseTTL) {
		if st, err := s.pubJS.Stream(ctx, sc.Name); err == nil && isAs(st.CachedInfo().Config, sc) {
			continue // the server would write it down again, and fail where the disk is full
		}
		if _, err := s.pubJS.CreateOrUpdateStream(ctx, sc); err != nil {
			return 0, fmt.Errorf("create stream %s: %w", sc.Name, err)
		}
	}
	return s.storedShards(ctx, cfg.Shards)
}

// storedShards is how many shards have a stream, at least the count given.
func (s *session) storedShards(ctx context.Context, least int) (stored int, err error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	stored = least
	names := s.pubJS.StreamNames(ctx)
	for name := range names.Name() {
		n, ok := strings.CutPrefix(name, logStreamPrefix)
		if !ok {
			continue
		}
		if shard, err := strconv.Atoi(n); err == nil {
			stored = max(stored, shard+1)
		}
	}
	if err := names.Err(); err != nil {
		return 0, fmt.Errorf("list streams: %w", err)
	}
	return stored, nil
}

// isAs says whether a stream's configuration is as wanted, in all fields of which something is wanted: in the others are the server's own defaults.
func isAs(have, want jetstream.StreamConfig) bool {
	h, w := reflect.ValueOf(have), reflect.ValueOf(want)
	for i := range w.NumField() {
		if !w.Field(i).IsZero() && !reflect.DeepEqual(h.Field(i).Interface(), w.Field(i).Interface()) {
			return false
		}
	}
	return true
}

// bounded bounds a request to the JetStream API. The client does so itself only where ctx has no deadline, and a request that was under way when its server died
// is never answered.
func (s *session) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.timing.api)
}

// info returns a stream's configuration and state.
func (s *session) info(ctx context.Context, js jetstream.JetStream, stream string) (*jetstream.StreamInfo, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	st, err := js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	return st.CachedInfo(), nil
}

func (s *session) purge(ctx context.Context, stream string, opts ...jetstream.StreamPurgeOpt) error {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	st, err := s.pubJS.Stream(ctx, stream)
	if err != nil {
		return err
	}
	return st.Purge(ctx, opts...)
}

// lastOf returns the last message of a subject, nil if there is none.
func (s *session) lastOf(ctx context.Context, stream, subject string) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := s.bounded(ctx)
	defer cancel()
	st, err := s.pubJS.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	m, err := st.GetLastMsgForSubject(ctx, subject)
	if errors.Is(err, jetstream.ErrMsgNotFound) {
		return nil, nil
	}
	return m, err
}
