package ledger

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"
)

// In a cluster an agent may send to any collector and people may ask any process. So each process that takes telemetry in tells all others what it heard of agents, and
// all put it together to the same account. What is told is a state and not a change: one that was lost is made up for by the next, and one that comes twice changes
// nothing. Nothing of it is kept; what has to outlive all processes is kept as log records (kept.go).

// Subject is what is told under.
const Subject = "clew.ledger"

// Wire carries what is said to all processes, the speaker included, as far as it can.
type Wire interface {
	Tell(subject string, data []byte) error
	// Hear calls f with what is told, one at a time, until stop is called. data is not kept.
	Hear(subject string, f func(data []byte)) (stop func(), err error)
}

// Sharing says how a book stands among others.
type Sharing struct {
	Life     string // unique to this life of the process
	Started  time.Time
	Collects bool // it takes telemetry in
	// Collectors are the lives of the other processes that take telemetry in. Those of an earlier version do not tell of agents, which are known by the records that are kept then.
	Collectors func() []string
}

// sharing is what a book knows of the others. The book's lock guards what is below it.
type sharing struct {
	Sharing
	refused atomic.Uint64

	listening time.Time // since when it has been heard without a break what is told; zero: it is not
	echo      time.Time // when this process's own words came last
	complete  bool      // it knows what was known before it started
	asked     int       // how often it has asked for that, and when
	askedAt   time.Time
	answer    bool // somebody has asked this process
	own       bool // somebody has asked for what only this one knows
	spoke     time.Time
	tellers   map[string]*teller
}

// teller is another process.
type teller struct {
	heard    time.Time
	started  time.Time
	collects bool
	complete bool
	senders  map[senderKey]SenderAccount
}

// Share makes the book one of several. It is called before anything is noted.
func (b *Book) Share(s Sharing) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.shared = &sharing{Sharing: s, tellers: map[string]*teller{}}
}

// Run tells the others, and listens to them, until ctx ends.
func (b *Book) Run(ctx context.Context, wire Wire, logger *slog.Logger) error {
	stop, err := wire.Hear(Subject, func(data []byte) { b.hear(data, time.Now()) })
	if err != nil {
		return fmt.Errorf("listen to what others hear of agents: %w", err)
	}
	defer stop()
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for leaving := false; ; {
		for _, data := range b.say(time.Now(), leaving) {
			if err := wire.Tell(Subject, data); err != nil { // the next telling has it again
				logger.Debug("the others are not told of agents", "error", err)
				break
			}
		}
		if leaving {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			leaving = true
		}
	}
}

// hear takes a message in.
func (b *Book) hear(data []byte, now time.Time) {
	t, err := decodeTold(data)
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shared
	if err != nil {
		s.refused.Add(1)
		return
	}
	if t.Life == s.Life {
		if s.listening.IsZero() {
			s.listening = now
		}
		s.echo = now
		return
	}
	from := s.tellers[t.Life]
	switch {
	case from == nil && (t.Leaving || len(s.tellers) >= tellersMax):
		if !t.Leaving {
			s.refused.Add(1)
			return
		}
		from = &teller{} // its last words count all the same
	case from == nil:
		from = &teller{senders: map[senderKey]SenderAccount{}}
		s.tellers[t.Life] = from
	}
	from.heard, from.started, from.collects, from.complete = now, t.Started, t.Collects, t.Complete
	shift := t.shift(now)
	for i := range t.Agents {
		b.takeLocked(&t.Agents[i], t.Life, shift, now)
	}
	for _, x := range t.Senders {
		if k := (senderKey{x.Tenant, x.Service, x.Signal}); from.senders != nil && (len(from.senders) < sendersMax+1 || from.senders[k].Service != "") {
			x.LastHeard = shift(x.LastHeard)
			from.senders[k] = x.SenderAccount
		}
	}
	switch {
	case t.Asks:
		s.own = true
		s.answer = s.answer || s.answersLocked(t.Life, now)
	case t.Answers == s.Life:
		s.complete = true
	}
	if t.Leaving {
		b.leftLocked(t.Life)
	}
}

// answersLocked says whether this process is who answers one that has just started: of those that know all, the one that has been there longest. Two that both think so
// do no harm, and if none does it is asked again.
func (s *sharing) answersLocked(asker string, now time.Time) bool {
	if !s.complete {
		return false
	}
	for life, t := range s.tellers {
		if life == asker || !t.complete || now.Sub(t.heard) > tellerGone {
			continue
		}
		if cmp.Or(t.started.Compare(s.Started), cmp.Compare(life, s.Life)) < 0 {
			return false
		}
	}
	return true
}

// leftLocked forgets a process that has said that it ends: there is nothing that it has not told.
func (b *Book) leftLocked(life string) {
	delete(b.shared.tellers, life)
	for _, a := range b.agents {
		for _, lane := range a.lanes {
			lane.believe(life)
		}
	}
}

// forgetLocked forgets processes that are silent. What these took in with their last breath nobody has told: numbers after theirs are not called missing.
func (b *Book) forgetLocked(now time.Time) {
	s := b.shared
	for life, t := range s.tellers {
		if now.Sub(t.heard) <= tellerGone {
			continue
		}
		delete(s.tellers, life)
		for _, a := range b.agents {
			for _, lane := range a.lanes {
				if lane.doubt(life) {
					a.news = max(a.news, newsBatch)
				}
			}
		}
	}
}

// say is what is to be told now.
func (b *Book) say(now time.Time, leaving bool) [][]byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.shared
	b.forgetLocked(now)
	if !s.listening.IsZero() && now.Sub(s.echo) > deafAfter { // cut off: what was missed has to be asked for
		s.listening, s.complete, s.asked = time.Time{}, false, 0
	}
	head := told{Form: toldForm, Life: s.Life, Now: now.UTC(), Started: s.Started.UTC(), Collects: s.Collects, Leaving: leaving}
	head.Asks = b.asksLocked(now)
	head.Complete = s.complete
	all := s.answer
	out := &outbox{head: head}
	if all {
		for life, t := range s.tellers {
			if !t.complete {
				out.answers = append(out.answers, life)
			}
		}
	}
	speaks := now.Sub(s.spoke) >= speakEvery || leaving || head.Asks
	for key, a := range b.agents {
		news := a.news
		if all {
			news = newsHeartbeat
		}
		if news == newsNone || news == newsBatch && now.Sub(a.told) < speakEvery && !leaving {
			continue
		}
		a.news, a.told = newsNone, now
		out.agent(a.tell(key, news == newsHeartbeat))
	}
	if s.Collects && (speaks || s.own) {
		for k, x := range b.senders {
			if s.own || x.LastHeard.After(s.spoke) {
				out.sender(toldSender{k.tenant, *x})
			}
		}
	}
	if speaks {
		s.spoke = now
		out.speak()
	}
	s.answer, s.own = false, false
	messages, refused := out.end()
	s.refused.Add(uint64(refused))
	return messages
}

// asksLocked says whether it is time to ask for what was known before the start. After some time without an answer there is nobody to give one.
func (b *Book) asksLocked(now time.Time) bool {
	s := b.shared
	if s.complete || s.listening.IsZero() || now.Sub(s.askedAt) < askEvery {
		return false
	}
	if s.asked == asksMax {
		s.complete = true
		return false
	}
	s.asked++
	s.askedAt = now
	return true
}

// allTell says whether all who take telemetry in tell of it.
func (s *sharing) allTell() bool {
	for _, life := range s.Collectors() {
		if s.tellers[life] == nil {
			return false
		}
	}
	return true
}

// Sharp says whether agents are known by what is heard of them, as it is heard. If not, what is kept of them has to be read again and again.
func (b *Book) Sharp() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shared == nil || b.shared.allTell()
}

// TellAll tells the others all that is known here: it has been read from what was kept.
func (b *Book) TellAll() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.shared != nil {
		b.shared.answer = true
	}
}

// silentLocked says whether one that was heard of last at that time is silent. Who has just begun to listen, or has others about it that do not tell, knows agents from what
// is kept of them, which is a minute old. Who hears nobody knows nothing.
func (b *Book) silentLocked(heard, now time.Time) bool {
	after := SilentAfter
	if s := b.shared; s != nil {
		if s.listening.IsZero() {
			return false
		}
		if now.Sub(s.listening) < SilentAfter || !s.allTell() {
			after += recordEvery + keptSlack
		}
	}
	return now.Sub(heard) > after
}

// gatherLocked adds what other collectors received without numbers to the list of what this one did.
func (b *Book) gatherLocked(tenant string, by map[senderKey]*SenderAccount) {
	if b.shared == nil {
		return
	}
	for _, t := range b.shared.tellers {
		for k, x := range t.senders {
			if k.tenant != tenant {
				continue
			}
			sum := by[k]
			if sum == nil {
				sum = &SenderAccount{Service: x.Service, Signal: x.Signal}
				by[k] = sum
			}
			sum.Received += x.Received
			sum.Stored += x.Stored
			addAll(&sum.Refused, x.Refused)
			if x.LastHeard.After(sum.LastHeard) {
				sum.LastHeard = x.LastHeard
			}
		}
	}
}

// startedLocked is since when senders are counted: the start of the collector that has been there longest.
func (b *Book) startedLocked() time.Time {
	s := b.shared
	if s == nil {
		return b.started
	}
	starts := []time.Time{}
	if s.Collects {
		starts = append(starts, b.started)
	}
	for _, t := range s.tellers {
		if t.collects {
			starts = append(starts, t.started)
		}
	}
	if len(starts) == 0 {
		return b.started
	}
	return slices.MinFunc(starts, time.Time.Compare)
}
