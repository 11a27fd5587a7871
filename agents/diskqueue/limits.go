package diskqueue

import "time"

const (
	// batchBytesMax is how much entries are merged to a batch while nobody takes it, before compression. Under a megabyte a collector appends it to its log as
	// one message; a larger one would be split there.
	batchBytesMax = 1 << 20
	// entryBytesMax bounds one entry before compression: what a collector takes in one body by default.
	entryBytesMax = 64 << 20
	// segmentBytes is the size of a log's files, which are allocated whole and removed whole. Small, because three lanes have two of them at least.
	segmentBytes = 4 << 20
	// overheadBytes is what a lane may take on disk beyond its entries: the file being written, the next one, and done entries that await their removal.
	overheadBytes = 3 * segmentBytes
	// BytesMaxMin is the least bound that a queue can keep.
	BytesMaxMin = 16 << 20
	// waitingShare is the part of the queue's bytes that sources which can wait may fill. The rest is for those that cannot: a host whose files lag by hours
	// still takes the spans of now.
	waitingShare = 0.9
	// freeBytesMin is left on the disk for others: a telemetry agent must not be what fills a host's disk.
	freeBytesMin = 128 << 20
	// fullDiskBytes is what the queue holds while the disk has less than that: as much as lies in files that are allocated anyway. So while collectors take what comes, all goes on, and
	// a host with a full disk says so.
	fullDiskBytes = segmentBytes
	// checkpointEvery is how often progress is written down. After kill -9 what was acknowledged since is sent again, under the same numbers.
	checkpointEvery = 2 * time.Second
	// reopenAfter is the wait after a failed write, before the lane's log is opened anew.
	reopenAfter = time.Second
	// originsMax bounds the sources that are counted one by one; those beyond are counted together per kind.
	originsMax = 200
	// marksMax bounds the marks that are kept; the ones written longest ago go first.
	marksMax = 4096
	// skipsMax bounds the remembered ranges of batches that were dropped behind one in flight. Neighbours are joined, so there are few.
	skipsMax = 1024
	// nameBytesMax bounds names, keys and values in an entry's header.
	nameBytesMax = 4096
	// gapsMax is how many of the latest ranges of numbers that were never sent are kept to be told to collectors.
	gapsMax = 16
)
