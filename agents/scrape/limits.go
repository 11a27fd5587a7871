package scrape

import "time"

const (
	// intervalDefault and timeoutDefault are Prometheus's.
	intervalDefault = time.Minute
	timeoutDefault  = 10 * time.Second
	// intervalMin keeps a slip of the pen from becoming a load.
	intervalMin = time.Second
	// bodyBytesDefault bounds a target's answer, decompressed: it is in memory as a whole, decoded at three times its size, beside all else that an agent of
	// 150 MB holds. Large exporters (kube-state-metrics) answer with 5 to 10 MB.
	bodyBytesDefault = 16 << 20
	// samplesDefault bounds the series of a target, and with them what is remembered of each between scrapes (about 300 bytes).
	samplesDefault = 100_000
	// bucketsMax bounds a native histogram's buckets once they are side by side; client libraries keep 160.
	bucketsMax = 4096
	// targetsMax bounds the targets of a job: each has a goroutine, and its series.
	targetsMax = 2000
	// scrapesAtOnce bounds the answers that are in memory together.
	scrapesAtOnce = 4
	// refreshDefault is how often files of targets are looked at. They are small, and whoever edits one waits for it.
	refreshDefault = 10 * time.Second
	// targetFileBytesMax bounds a file of targets.
	targetFileBytesMax = 4 << 20
)
