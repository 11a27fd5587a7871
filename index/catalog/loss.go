package catalog

import (
	"fmt"
	"slices"
	"time"
)

// Loss is what is known to be lost of a shard's log: records that were acknowledged, or may have been, and are in no segment. It is in the catalog so that answers
// that they would be in can say so, wherever they are asked for.
type Loss struct {
	// From and To are the positions, both inclusive; To is 0 when it is not known where the loss ends.
	From   uint64 `json:"from"`
	To     uint64 `json:"to"`
	Reason string `json:"reason"` // a word, such as shardlog's Anomaly...
	// Since and Until are between which times the log took the messages, as far as is known. The records in them are a little older.
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Noticed time.Time `json:"noticed"`
	// Accepted is when somebody said that it is known and nothing more can be done: answers are whole again. Zero: nobody has. By is who.
	Accepted time.Time `json:"accepted,omitzero"`
	By       string    `json:"by,omitempty"`
}

// ID names a shard's loss for people: SHARD:FROM-TO:REASON.
func (l *Loss) ID(shard int) string { return fmt.Sprintf("%d:%d-%d:%s", shard, l.From, l.To, l.Reason) }

// lossLag is how much older than their message records are, mostly: senders batch and retry. What an agent kept for longer is not found by its time.
const lossLag = 5 * time.Minute

// Overlaps says whether records of a time range, in nanoseconds, both inclusive, may be among what is lost.
func (l *Loss) Overlaps(from, to int64) bool {
	return l.Since.Add(-lossLag).UnixNano() <= to && l.Until.UnixNano() >= from
}

// String says what is lost, for people who ask for records.
func (l *Loss) String() string {
	what := fmt.Sprintf("messages %d to %d of its log are lost", l.From, l.To)
	switch {
	case l.To == 0:
		what = fmt.Sprintf("what its log held from message %d on is lost", l.From)
	case l.To == l.From:
		what = fmt.Sprintf("message %d of its log is lost", l.From)
	}
	return fmt.Sprintf("%s (%s), taken in between %s and %s", what, l.Reason, l.Since.UTC().Format(time.RFC3339), l.Until.UTC().Format(time.RFC3339))
}

func (l *Loss) validate() error {
	switch {
	case l.To != 0 && l.To < l.From:
		return fmt.Errorf("loss from %d to %d: ends before it starts", l.From, l.To)
	case l.Reason == "" || len(l.Reason) > reasonBytesMax:
		return fmt.Errorf("loss: reason %.80q: want 1 to %d bytes", l.Reason, reasonBytesMax)
	case len(l.By) > lossByMax || l.By != "" && l.Accepted.IsZero():
		return fmt.Errorf("loss: accepted by %.80q: want at most %d bytes, and when", l.By, lossByMax)
	case l.Until.Before(l.Since):
		return fmt.Errorf("loss from %v to %v: ends before it starts", l.Since, l.Until)
	}
	return nil
}

func checkLosses(losses []Loss, version int) error {
	if needs := lossesVersion(losses); len(losses) > 0 && version < needs {
		return fmt.Errorf("version %d has no such losses, %d has", version, needs)
	}
	if len(losses) > lossesMax {
		return fmt.Errorf("%d losses, at most %d", len(losses), lossesMax)
	}
	for i := range losses {
		if err := losses[i].validate(); err != nil {
			return err
		}
	}
	return nil
}

// addLosses returns the losses with more added. Of one that is there already only the acceptance is taken: it was noticed again by a replay, or somebody has accepted it. Of too many
// the oldest go.
func addLosses(old, more []Loss) []Loss {
	if len(more) == 0 {
		return old
	}
	all := slices.Clone(old)
	for _, l := range more {
		i := slices.IndexFunc(all, func(o Loss) bool { return o.From == l.From && o.To == l.To && o.Reason == l.Reason })
		switch {
		case i < 0:
			all = append(all, l)
		case all[i].Accepted.IsZero():
			all[i].Accepted, all[i].By = l.Accepted, l.By
		}
	}
	return all[max(0, len(all)-lossesMax):]
}

// lossesVersion is the oldest version, of commits and of snapshots, that can say these losses.
func lossesVersion(losses []Loss) int {
	switch {
	case len(losses) == 0:
		return commitVersionPlain
	case slices.ContainsFunc(losses, func(l Loss) bool { return !l.Accepted.IsZero() }):
		return commitVersionAccepted
	}
	return commitVersionLost
}

// LeastVersion is the oldest version that can say what c says. Commits are written in it, so that processes of an older version read all but those that they could
// not understand: those with losses (version 5, and 6 where they are accepted) are written only when all processes read them.
func (c *Commit) LeastVersion() int { return lossesVersion(c.Lost) }
