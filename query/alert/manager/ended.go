package manager

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"
	"github.com/prometheus/alertmanager/alert"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/common/model"
)

// ended leaves the ends out of a group's message that the group has told. The router knows that by having dropped the alert, and what was sent is known of a group's
// last message only: after a start, when the router is given all ends of the last day, it would tell them again.
type ended struct {
	next   notify.Stage
	alerts *alerts
}

// Exec implements notify.Stage.
func (e *ended) Exec(ctx context.Context, l *slog.Logger, of ...*alert.Alert) (context.Context, []*alert.Alert, error) {
	name, ok := notify.GroupKey(ctx)
	if !ok {
		return e.next.Exec(ctx, l, of...)
	}
	group, now := xxhash.Sum64String(name), time.Now()
	left := e.alerts.untold(group, of, now)
	if len(left) == 0 {
		return ctx, nil, nil
	}
	ctx, out, err := e.next.Exec(ctx, l, left...)
	if err == nil {
		err = e.alerts.tell(group, left, now)
	}
	return ctx, out, err
}

// untold are the alerts of a group without those whose end it has told.
func (a *alerts) untold(group uint64, of []*alert.Alert, now time.Time) []*alert.Alert {
	a.mu.Lock()
	defer a.mu.Unlock()
	left := make([]*alert.Alert, 0, len(of))
	for _, p := range of {
		if k := a.endOf(p, now); k == nil || !slices.Contains(k.Told, group) {
			left = append(left, p)
		}
	}
	return left
}

// tell remembers that a group has told of alerts, durably where they have ended.
func (a *alerts) tell(group uint64, of []*alert.Alert, now time.Time) error {
	a.mu.Lock()
	for _, p := range of {
		k := a.endOf(p, now)
		if k == nil || slices.Contains(k.Told, group) || len(k.Told) >= groupsOfAlertMax {
			continue
		}
		more, fp := *k, p.Fingerprint()
		more.Active = false // it may have ended by timeout just now
		more.Told = append(slices.Clone(k.Told), group)
		a.known[fp], a.dirty[fp] = &more, true
	}
	a.mu.Unlock()
	return a.write()
}

// endOf is what is remembered of an alert that has ended, if it is this end; else nil.
func (a *alerts) endOf(p *alert.Alert, now time.Time) *kept {
	k := a.known[p.Fingerprint()]
	if k == nil || k.EndsAt.After(now) || !p.ResolvedAt(now) || !k.sameEnd(p.StartsAt, p.EndsAt) {
		return nil
	}
	return k
}

func (k *kept) sameEnd(starts, ends time.Time) bool {
	return k.StartsAt.Equal(starts) && k.EndsAt.Equal(ends)
}

// keepTold carries over to k, which is to replace was, which groups have told the end.
func (k *kept) keepTold(was *kept) {
	if was == nil || was.Active || k.Active || !k.sameEnd(was.StartsAt, was.EndsAt) {
		return
	}
	for _, group := range was.Told {
		if !slices.Contains(k.Told, group) {
			k.Told = append(k.Told, group)
		}
	}
}

// takeTold takes a sibling's word on who has told an end that is known here.
func (a *alerts) takeTold(fp model.Fingerprint, k *kept) {
	was := a.known[fp]
	if was == nil || was.Active || k.Active || !k.sameEnd(was.StartsAt, was.EndsAt) {
		return
	}
	more := *was
	more.Told = slices.Clone(was.Told)
	more.keepTold(k)
	a.known[fp] = &more
}
