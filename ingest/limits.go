package ingest

import "time"

const (
	// accountsWait is how long it is waited for what is in the log to be read, when somebody asks what came of it; accountsPoll is between two looks.
	accountsWait = 250 * time.Millisecond
	accountsPoll = 2 * time.Millisecond
	// generationOverhead is counted for every generation beside its content, so that a flood of tenants with a record each is sealed
	// before it fills the memory.
	generationOverhead = 16 << 10
	// positionsRepeated is how many positions of other keys a commit repeats: 30 KB at the most. A shard has one for each tenant and signal that it gets.
	positionsRepeated = 256
	// sealRetryMin and sealRetryMax bound the pause after a failed seal: the object store may be away for hours.
	sealRetryMin = time.Second
	sealRetryMax = 30 * time.Second
	// uploadRetryMin and uploadRetryMax bound the pause after a failed upload: a store that is back is noticed within seconds.
	uploadRetryMin = 500 * time.Millisecond
	uploadRetryMax = 8 * time.Second
	// uploadBufferBytes is read at a time from a local segment that is uploaded.
	uploadBufferBytes = 1 << 20
	// ownerRetry is the pause before a shard is taken anew after its owner failed.
	ownerRetry = time.Second
	// startPatience is how long a new owner tries to commit and to read the log before it gives the shard back: NATS elects a stream's leader in 4 to 9 seconds.
	startPatience = 10 * time.Second
	// unrenewedMax is how long ago a shard's lease may have been renewed for answers to count as whole: by then a healthy cluster has elected leaders, and this process
	// may be cut off, and another own the shard.
	unrenewedMax = 10 * time.Second
	// BehindMax is how far an owner may be behind its log for answers to count as whole: reading and placing take milliseconds, a pause on a busy machine less than this.
	BehindMax = 2 * time.Second
	// lookEvery paces an owner's look where its log ends, a request for each shard; lookMax bounds it, so that one that is not answered does not pass for none. unseenMax is for
	// how long nobody may have looked: a process that was stopped, or that the machine did not let run, does not know what came meanwhile.
	lookEvery = time.Second
	lookMax   = time.Second
	unseenMax = BehindMax + lookEvery
	// marksMax bounds what is remembered of ends of the log: a minute of them, and less exactly of what waits longer.
	marksMax = 64
	// fenceWait is how long a new owner waits for the commit that fenced it to arrive in the catalog.
	fenceWait = 10 * time.Second
	// tickEvery is how often ages are looked at.
	tickEvery = time.Second
	// janitorEvery is how often retention, deletion and checkpoints are looked at.
	janitorEvery = 15 * time.Second
	// collectEvery is how often the store is listed for objects that no commit names.
	collectEvery = time.Hour
	// removedMax bounds the segments removed by one commit, which must stay far below a message's size.
	removedMax = 1000
	// checkpointCommits is how many commits are folded before the catalog is written down and older ones are forgotten.
	checkpointCommits = 1000
	// compactionShare is how much of a core compaction takes by default: it is never urgent.
	compactionShare = 0.25
	// downsampleAfter is how long after a window's end its metrics are down-sampled by default: senders that lost their way for some minutes have come by then.
	downsampleAfter = 15 * time.Minute
	// rewriteEvery is how often there is a look for segments to merge, if the catalog has changed or planAgain has passed: windows close.
	rewriteEvery = 10 * time.Second
	planAgain    = time.Minute
	// pauseStep is how often background work looks whether what it waits for is over.
	pauseStep = 100 * time.Millisecond
	// lagMax is how many messages of the log may wait before background work does: at 256 KB a message a second's work or so.
	lagMax = 32
	// mergeCacheBytes is for the columns of a merge's inputs: those that several of its row groups draw on are not decoded anew for each.
	mergeCacheBytes = 32 << 20
	// mergeRetry is how long segments are left alone that could not be merged.
	mergeRetry = 10 * time.Minute
	// deletionsLook is how often the owner of shards looks for deletions that it has not been told of, a listing of the store each time; deletionsAgain is how often while some are left to others, whose
	// shards may become this one's, or who may have ended before they could say that all is done.
	deletionsLook  = time.Minute
	deletionsAgain = 10 * time.Second
	// deletionShare is how much of a core a deletion takes at least: somebody waits for it.
	deletionShare = 0.5
	// damagedKept is how many damaged messages Status names.
	damagedKept = 10
	// cleanupTimeout bounds the removal of what a failed seal left; Collect gets the rest.
	cleanupTimeout = 10 * time.Second

	// shardsMax bounds the shards, as the log does.
	shardsMax = 1024
)
