package manager

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/prometheus/alertmanager/nflog/nflogpb"
	"github.com/prometheus/alertmanager/silence/silencepb"
	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/encoding/protodelim"
	"google.golang.org/protobuf/proto"

	"clew/query/alert/shared"
)

// What is remembered.
const (
	whatAlerts   = "alerts"
	whatSilences = "silences"
	whatNotices  = "notifications"
)

// keeper is where changes are made durable: a journal of this process's own, or what siblings share. Append makes entries durable, or says that it cannot; then Due is true until
// Replace has made up for it.
type keeper interface {
	Append(entries ...[]byte) error
	Due() bool
	Replace(snapshot func() ([][]byte, error)) error
	Close() error
}

// sharedKeeper keeps entries where siblings hear of them, a key for each thing that they are about: the newest says what holds.
type sharedKeeper struct {
	store  *shared.Store
	what   string
	failed atomic.Bool // an entry is missing
}

// Append implements keeper.
func (k *sharedKeeper) Append(entries ...[]byte) error {
	if len(entries) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), shareTimeout)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(shareAtOnce)
	for _, entry := range entries {
		err := eachOf(k.what, entry, func(name string, one []byte, _ time.Time) {
			group.Go(func() error { return k.store.Put(ctx, shared.KeyOf(k.what, name), one) })
		})
		if err != nil {
			group.Go(func() error { return err })
		}
	}
	err := group.Wait()
	if err != nil {
		k.failed.Store(true)
	}
	return err
}

// Due implements keeper.
func (k *sharedKeeper) Due() bool { return k.failed.Load() }

// Replace implements keeper.
func (k *sharedKeeper) Replace(snapshot func() ([][]byte, error)) error {
	k.failed.Store(false)
	entries, err := snapshot()
	if err != nil {
		k.failed.Store(true)
		return err
	}
	return k.Append(entries...)
}

// Close implements keeper.
func (k *sharedKeeper) Close() error { return nil }

// eachOf takes apart what an entry has, by what it is about; from until on nobody needs it. Alerts are one each; Alertmanager's snapshots are a row of messages.
func eachOf(what string, entry []byte, f func(name string, one []byte, until time.Time)) error {
	if what == whatAlerts {
		var k kept
		if err := json.Unmarshal(entry, &k); err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		until := k.EndsAt.Add(endedKeep)
		if k.Active {
			until = k.EndsAt.Add(retention) // it ended while nobody was there, long ago
		}
		f(k.Labels.Fingerprint().String(), entry, until)
		return nil
	}
	for r := bufio.NewReader(bytes.NewReader(entry)); ; {
		var m proto.Message
		var name string
		var until time.Time
		var err error
		if what == whatSilences {
			s := &silencepb.MeshSilence{}
			err = protodelim.UnmarshalFrom(r, s)
			m, name, until = s, s.GetSilence().GetId(), s.GetExpiresAt().AsTime()
		} else {
			e := &nflogpb.MeshEntry{}
			err = protodelim.UnmarshalFrom(r, e)
			to := e.GetEntry().GetReceiver()
			m, until = e, e.GetExpiresAt().AsTime()
			name = fmt.Sprintf("%q %q %q %d", e.GetEntry().GetGroupKey(), to.GetGroupName(), to.GetIntegration(), to.GetIdx())
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		var one bytes.Buffer
		if err == nil {
			_, err = protodelim.MarshalTo(&one, m)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		f(name, one.Bytes(), until)
	}
}

// past says whether nobody needs what is shared any more.
func past(what string, value []byte, now time.Time) bool {
	old := false
	err := eachOf(what, value, func(_ string, _ []byte, until time.Time) { old = now.After(until) })
	return err == nil && old
}
