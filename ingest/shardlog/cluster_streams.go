package shardlog

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// MismatchError says that a stream on the servers is not as it has to be. clew changes none of this by itself: a stream that
// somebody else has made may be somebody else's, and a change of replicas is a change of membership, by which NATS has lost acknowledged messages.
type MismatchError struct {
	Stream string
	Fields []string // "replicas is 1, want 3"
}

func (e *MismatchError) Error() string {
	return fmt.Sprintf("stream %s is not as clew needs it: %s", e.Stream, strings.Join(e.Fields, "; "))
}

// clusterStreams are the streams of a log on servers elsewhere.
func clusterStreams(cfg Config) []jetstream.StreamConfig {
	streams := streamConfigs(cfg.Shards, cfg.Servers.Replicas, cfg.LogBytesMax, cfg.LeaseTTL)
	settings := streams[len(streams)-1]
	settings.Name, settings.Subjects, settings.MaxAge = settingsStream, []string{"clew.setting.*"}, 0
	return append(streams, settings)
}

// ensureStream makes the stream if it is not there. One that is there stays as it is, and has to be right: else *MismatchError. It
// returns the configuration that holds.
func (s *session) ensureStream(ctx context.Context, want jetstream.StreamConfig) (jetstream.StreamConfig, error) {
	ctx, cancel := context.WithTimeout(ctx, clusterCreateTimeout)
	defer cancel()
	st, err := s.pubJS.Stream(ctx, want.Name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		st, err = s.pubJS.CreateStream(ctx, want)
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) {
			st, err = s.pubJS.Stream(ctx, want.Name) // another process was first
		}
	}
	if err != nil {
		return want, fmt.Errorf("stream %s: %w", want.Name, err)
	}
	have := st.CachedInfo().Config
	if wrong := mismatches(have, want); len(wrong) > 0 {
		return have, &MismatchError{Stream: want.Name, Fields: wrong}
	}
	return have, nil
}

// keepLeases makes the stream of leases anew if two looks in a row say that it is not there. Nothing of it is missed: owners write their leases again, and an owner's epoch is above
// that of the catalog, wherever the stream counts from (ingest).
func (c *Cluster) keepLeases(ctx context.Context) error {
	s, err := c.link.get()
	if err != nil {
		return err
	}
	_, err = s.info(ctx, s.pubJS, leasesStream)
	if !errors.Is(err, jetstream.ErrStreamNotFound) {
		c.leaseless = false
		return err
	}
	if !c.leaseless {
		c.leaseless = true
		return err
	}
	all := streamConfigs(1, c.cfg.Servers.Replicas, c.cfg.LogBytesMax, c.cfg.LeaseTTL)
	if _, err := s.ensureStream(ctx, all[len(all)-1]); err != nil {
		return err
	}
	c.counts.anomaly(AnomalyGone, 1)
	c.log.Error("the stream of leases was gone from NATS; it is made anew", "stream", leasesStream)
	return nil
}

// mismatches names what of a stream would lose messages, refuse them, or give them to others. Its size and how long leases last are not
// among it: what was said first holds for all processes.
func mismatches(have, want jetstream.StreamConfig) []string {
	var wrong []string
	check := func(field string, is, should any) {
		if is != should {
			wrong = append(wrong, fmt.Sprintf("%s is %v, want %v", field, is, should))
		}
	}
	check("storage", have.Storage, want.Storage)
	check("retention", have.Retention, want.Retention)
	check("discard", have.Discard, want.Discard)
	check("replicas", have.Replicas, want.Replicas)
	if !slices.Equal(have.Subjects, want.Subjects) {
		wrong = append(wrong, fmt.Sprintf("subjects are %q, want %q", have.Subjects, want.Subjects))
	}
	check("max_msgs_per_subject", unlimited(have.MaxMsgsPerSubject), unlimited(want.MaxMsgsPerSubject))
	check("max_msgs", unlimited(have.MaxMsgs), unlimited(want.MaxMsgs))
	if want.MaxAge == 0 {
		check("max_age", have.MaxAge, time.Duration(0))
	} else if have.MaxAge < leaseTTLMin {
		wrong = append(wrong, fmt.Sprintf("max_age is %v, want at least %v", have.MaxAge, leaseTTLMin))
	}
	if have.MaxMsgSize > 0 {
		wrong = append(wrong, fmt.Sprintf("max_msg_size is %d, want none", have.MaxMsgSize))
	}
	if want.MaxBytes > 0 && have.MaxBytes > 0 && have.MaxBytes < logBytesMin {
		wrong = append(wrong, fmt.Sprintf("max_bytes is %d, want at least %d", have.MaxBytes, int64(logBytesMin)))
	}
	for field, on := range map[string]bool{"sealed": have.Sealed, "no_ack": have.NoAck, "mirror": have.Mirror != nil, "deny_purge": have.DenyPurge} {
		if on {
			wrong = append(wrong, field+" is set, want it not to be")
		}
	}
	slices.Sort(wrong)
	return wrong
}

// unlimited is how JetStream writes "no bound" in two ways.
func unlimited(n int64) int64 { return max(n, 0) }
