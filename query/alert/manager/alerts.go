package manager

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/provider/mem"
	"github.com/prometheus/alertmanager/silence"
	"github.com/prometheus/common/model"

	"clew/query/alert/notify/journal"
)

// alerts are the alerts of Alertmanager's router, remembered. Put returns once what it was given is durable.
//
// Most of what is put says again what is known: that an alert is still active. That is not written, as an alert that was active when clew stopped is taken for active when it
// starts (revived). Written is what would be missed: that an alert began, changed or ended.
type alerts struct {
	*mem.Alerts
	*silence.Silencer // wants to know what the router forgets
	journal           keeper
	shared            bool // with siblings, who take what is written for news
	count             *counters

	writing sync.Mutex // held from taking what is to be written until it is written, so that it is written in order
	mu      sync.Mutex // guards what follows
	known   map[model.Fingerprint]*kept
	dirty   map[model.Fingerprint]bool
}

// kept is an alert as it is remembered.
type kept struct {
	Labels       model.LabelSet `json:"labels"`
	Annotations  model.LabelSet `json:"annotations,omitempty"`
	StartsAt     time.Time      `json:"starts_at"`
	EndsAt       time.Time      `json:"ends_at"`
	UpdatedAt    time.Time      `json:"updated_at"`
	GeneratorURL string         `json:"generator_url,omitempty"`
	Timeout      bool           `json:"timeout,omitempty"` // EndsAt is not its sender's word
	Active       bool           `json:"active"`
	Told         []uint64       `json:"told,omitempty"` // the groups (hashes of their keys) that have told its end

	written time.Time // UpdatedAt as it was last written or read
}

func keptOf(a *alert.Alert, now time.Time) *kept {
	return &kept{
		Labels: a.Labels, Annotations: a.Annotations, StartsAt: a.StartsAt, EndsAt: a.EndsAt, UpdatedAt: a.UpdatedAt,
		GeneratorURL: a.GeneratorURL, Timeout: a.Timeout, Active: a.EndsAt.After(now),
	}
}

func (k *kept) alert() *alert.Alert {
	return &alert.Alert{
		Alert: model.Alert{
			Labels: k.Labels, Annotations: k.Annotations, StartsAt: k.StartsAt, EndsAt: k.EndsAt, GeneratorURL: k.GeneratorURL,
		},
		UpdatedAt: k.UpdatedAt, Timeout: k.Timeout,
	}
}

// stale says whether siblings, who hear only what is written, should be told that k goes on: half of the time that it was said to hold has passed.
func (k *kept) stale(was *kept) bool {
	return k.Active && 2*k.UpdatedAt.Sub(was.written) > was.EndsAt.Sub(was.UpdatedAt)
}

// news says whether k tells more than was, what was written of it.
func (k *kept) news(was *kept) bool {
	return was == nil || k.Active != was.Active || !k.StartsAt.Equal(was.StartsAt) || !k.Active && !k.EndsAt.Equal(was.EndsAt) ||
		k.GeneratorURL != was.GeneratorURL || !maps.Equal(k.Annotations, was.Annotations)
}

// openAlerts reads what is remembered.
func openAlerts(path string, count *counters) (a *alerts, aside int64, err error) {
	a = &alerts{count: count, known: map[model.Fingerprint]*kept{}, dirty: map[model.Fingerprint]bool{}}
	file, aside, err := journal.Open(path, func(entry []byte) {
		var k kept
		if json.Unmarshal(entry, &k) == nil { // whole as it is, it is not ours: nobody can say whose
			a.known[k.Labels.Fingerprint()] = &k
		}
	})
	if err != nil {
		return nil, 0, err
	}
	a.journal = file
	return a, aside, nil
}

// start gives the router what is remembered. It is called before anybody puts or reads.
func (a *alerts) start(router *mem.Alerts, now time.Time) error {
	a.Alerts = router
	return a.revive(now)
}

// revive gives the router all that is remembered, and takes what was active for active.
func (a *alerts) revive(now time.Time) error {
	a.mu.Lock()
	revived := make([]*alert.Alert, 0, len(a.known))
	for fp, k := range a.known {
		if forgotten(k, now) {
			delete(a.known, fp)
			continue
		}
		if k.Active {
			again := *k
			k = &again
			// Nobody could say that it goes on while clew was down.
			if until := now.Add(k.EndsAt.Sub(k.UpdatedAt)); until.After(k.EndsAt) {
				k.EndsAt = until
			}
			k.UpdatedAt = now
			a.known[fp] = k
		}
		revived = append(revived, k.alert())
	}
	a.mu.Unlock()
	return a.Alerts.Put(context.Background(), revived...)
}

// merge takes a sibling's word on an alert, if it is newer than ours.
func (a *alerts) merge(value []byte) {
	var k kept
	if json.Unmarshal(value, &k) != nil || len(k.Labels) == 0 {
		return // nobody can say whose it is
	}
	k.written = k.UpdatedAt
	now, fp := time.Now(), k.Labels.Fingerprint()
	a.mu.Lock()
	if was := a.known[fp]; was != nil && !k.UpdatedAt.After(was.UpdatedAt) && !(was.Active && !k.Active) || forgotten(&k, now) {
		a.takeTold(fp, &k)
		a.mu.Unlock()
		return
	}
	k.keepTold(a.known[fp])
	a.known[fp] = &k
	a.mu.Unlock()
	if k.Active && !k.EndsAt.After(now) {
		return // nobody has said so lately. Whoever notifies says whether it is over
	}
	// Nothing is refused: whoever wrote it had room for it.
	_ = a.Alerts.Put(context.Background(), k.alert())
}

func forgotten(k *kept, now time.Time) bool { return !k.Active && now.Sub(k.EndsAt) > endedKeep }

// Put implements provider.Alerts.
func (a *alerts) Put(ctx context.Context, put ...*alert.Alert) error {
	if err := a.admit(put); err != nil {
		return err
	}
	if put = a.news(put); len(put) > 0 {
		if err := a.Alerts.Put(ctx, put...); err != nil {
			return err
		}
	}
	return a.write()
}

// news leaves out ends that are known. Rules say an end again for a quarter of an hour, for an Alertmanager that may have forgotten it. This one does not, and would
// tell it again each time: its router drops an alert whose end has been told, and takes the next word of it for a new end.
func (a *alerts) news(put []*alert.Alert) []*alert.Alert {
	now := time.Now()
	a.mu.Lock()
	defer a.mu.Unlock()
	out := make([]*alert.Alert, 0, len(put))
	for _, p := range put {
		k := a.known[p.Fingerprint()]
		if k != nil && !k.Active && p.ResolvedAt(now) && !p.EndsAt.After(k.EndsAt) && !p.StartsAt.Before(k.StartsAt) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// admit refuses all of what is put if not all has room.
func (a *alerts) admit(put []*alert.Alert) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	more := 0
	for _, p := range put {
		if a.known[p.Fingerprint()] == nil {
			more++
		}
	}
	if more > 0 && len(a.known)+more > alertsMax {
		a.count.refused.WithLabelValues("full").Add(float64(more))
		return fmt.Errorf("%d alerts are known: there is no room for %d more, the limit is %d", len(a.known), more, alertsMax)
	}
	return nil
}

// PreStore implements mem.AlertStoreCallback.
func (a *alerts) PreStore(*alert.Alert, bool) error { return nil }

// PostStore implements mem.AlertStoreCallback: it gets an alert as it is once merged with what was known.
func (a *alerts) PostStore(stored *alert.Alert, _ bool) { a.note(stored, time.Now()) }

// PostDelete implements mem.AlertStoreCallback. What the router forgets half an hour after its end is remembered for longer: its receiver may be away.
func (a *alerts) PostDelete(*alert.Alert) {}

func (a *alerts) note(stored *alert.Alert, now time.Time) {
	k, fp := keptOf(stored, now), stored.Fingerprint()
	a.mu.Lock()
	defer a.mu.Unlock()
	was := a.known[fp]
	if was != nil {
		k.written = was.written
		k.keepTold(was)
	}
	if k.news(was) || a.shared && k.stale(was) {
		a.dirty[fp] = true
	}
	a.known[fp] = k
}

// tick notes which alerts have ended by timeout, of which nobody tells, if that is for this process to say.
func (a *alerts) tick(now time.Time, timeouts bool) error {
	a.mu.Lock()
	for fp, k := range a.known {
		switch {
		case timeouts && k.Active && !k.EndsAt.After(now):
			ended := *k
			ended.Active = false
			a.known[fp], a.dirty[fp] = &ended, true
		case forgotten(k, now):
			delete(a.known, fp)
		}
	}
	a.mu.Unlock()
	err := a.write()
	if a.journal.Due() {
		err = a.journal.Replace(a.snapshot)
	}
	return err
}

// write makes durable what is not.
func (a *alerts) write() error {
	a.writing.Lock()
	defer a.writing.Unlock()
	a.mu.Lock()
	entries, err := make([][]byte, 0, len(a.dirty)), error(nil)
	for fp := range a.dirty {
		var data []byte
		if k := a.known[fp]; k != nil {
			k.written = k.UpdatedAt
			if data, err = json.Marshal(k); err == nil {
				entries = append(entries, data)
			}
		}
	}
	clear(a.dirty)
	a.mu.Unlock()
	if err == nil {
		err = a.journal.Append(entries...)
	}
	if err != nil {
		a.count.failed.WithLabelValues("alerts").Inc()
		return fmt.Errorf("remember alerts: %w", err)
	}
	return nil
}

func (a *alerts) snapshot() ([][]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	entries := make([][]byte, 0, len(a.known))
	for _, k := range a.known {
		data, err := json.Marshal(k)
		if err != nil {
			return nil, err
		}
		entries = append(entries, data)
	}
	return entries, nil
}
