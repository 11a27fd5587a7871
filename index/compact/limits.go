package compact

import "time"

const (
	// RowsSmall and BytesSmall say what small is: a segment that does not fill one row group. Merging larger ones would cost as much CPU as writing them
	// did, and save next to nothing.
	RowsSmall  = 128 << 10
	BytesSmall = 16 << 20
	// RowsMax and BytesMax bound what one merge reads, and so its memory: 40 bytes a row for the order, the vocabularies, and one column of a row
	// group decoded. Four row groups mean that a span's row group is decoded four times at the most.
	RowsMax  = 4 * RowsSmall
	BytesMax = 64 << 20
	// InputsMax bounds how many segments are open for one merge, at some 10 to 100 KB of metadata each.
	InputsMax = 256
	// FanIn is how many freshly sealed segments make a merge while others may still come.
	FanIn = 8
	// LevelMax is how often compaction rewrites a record at the most.
	LevelMax = 3
	// stragglersMin is how many segments make the last merge, for what came after a window was merged.
	stragglersMin = 4
	// windowsKept is how many windows there are at least in the time that records are kept.
	windowsKept = 16
)

// windows are the widths that a window may have. Each divides a day, so that windows begin at round times.
var windows = []time.Duration{24 * time.Hour, 6 * time.Hour, time.Hour, 10 * time.Minute, time.Minute}
