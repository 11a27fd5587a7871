package members

import "time"

// Formats are versions of what processes exchange and keep, by what it is.
type Formats map[string]int

// What has versions.
const (
	FormatMessage = "message" // of the shard log
	FormatCommit  = "commit"  // of the catalog
)

// formatsSilent are what a process reads that says nothing of formats: it is of the version before they were said.
var formatsSilent = Formats{FormatMessage: 2, FormatCommit: 4}

// formatsHold is for how long all processes must have read a newer version before anybody writes it: longer than one that is being restarted, still as an old one, is away.
const formatsHold = 20 * time.Second

// Agreement says which versions a process may write: those that every process reads that is there. Nothing is negotiated; each decides by what it hears. A version is
// taken back as soon as somebody is heard who does not read it, and taken up when all have read it for a while, or when all read it and one writes it already (so that
// one that has just started need not wait). What has been written in between stays: a process of an older version that meets it stops there, and leaves the shard
// to others.
//
// One that hears nobody, itself included, is cut off, and takes up nothing.
type Agreement struct {
	own    Formats // that this process reads
	writes Formats
	since  map[string]time.Time // since when all have read more than is written
}

// NewAgreement begins with what every process reads. alone says that there are no others, and never will be.
func NewAgreement(own Formats, alone bool) *Agreement {
	a := &Agreement{own: own, writes: Formats{}, since: map[string]time.Time{}}
	for format, version := range own {
		a.writes[format] = min(version, formatsSilent[format])
		if alone {
			a.writes[format] = version
		}
	}
	return a
}

// Update takes in who is heard, and returns what may be written. hearing says that this process is heard itself, and that the others have had time to speak.
func (a *Agreement) Update(now time.Time, others []Member, hearing bool) Formats {
	out := Formats{}
	for format, own := range a.own {
		least, written := own, 0
		for i := range others {
			reads, ok := others[i].Reads[format]
			if !ok {
				reads = formatsSilent[format]
			}
			least, written = min(least, reads), max(written, others[i].Writes[format])
		}
		switch since := a.since[format]; {
		case least <= a.writes[format]:
			a.writes[format] = least
			delete(a.since, format)
		case !hearing:
			delete(a.since, format)
		case written >= least:
			a.writes[format] = least
		case since.IsZero():
			a.since[format] = now
		case now.Sub(since) >= formatsHold:
			a.writes[format] = least
			delete(a.since, format)
		}
		out[format] = a.writes[format]
	}
	return out
}
