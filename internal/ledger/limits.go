package ledger

import "time"

const (
	// instanceBytesMax bounds an agent's id, nameBytesMax names of hosts, files and services, reasonBytesMax the words for reasons.
	instanceBytesMax = 64
	nameBytesMax     = 4096
	reasonBytesMax   = 64
	// HeartbeatBytesMax bounds a heartbeat: 200 sources of a kilobyte each, several times over.
	HeartbeatBytesMax = 1 << 20
	// sourcesMax bounds the sources that are kept of one agent, which itself counts 200 one by one; further ones are counted together by kind.
	sourcesMax = 256
	// reasonsMax bounds the reasons of one count; agents and collectors have a dozen.
	reasonsMax = 32
	// labelsMax bounds what an agent says of its place in Kubernetes.
	labelsMax = 32
	// agentsMax bounds the agents that are known, of all tenants: at 10 to 40 KB each. Past it the one that has been silent longest makes room, if that is longer
	// than an hour.
	agentsMax = 2000
	agentKeep = time.Hour
	// sendersMax bounds the services that are counted one by one; those beyond are counted together.
	sendersMax = 4096
	// holesMax bounds the ranges of missing numbers that are kept of a source; the oldest go first and are only counted.
	holesMax = 32
	// eventsMax bounds the losses that are kept one by one of an agent, each with its time.
	eventsMax = 64
	// SilentAfter is when an agent is called silent: six heartbeats did not come.
	SilentAfter = time.Minute
	// notesMax bounds the hosts that an answer names; silentNoted is for how long before its time range an agent must have been heard for its silence to be named: a host
	// that was taken away last week is no lack of today's answers.
	notesMax    = 10
	silentNoted = 24 * time.Hour
	// rateWindow is what rates are taken over; samplesMax holds as many heartbeats.
	rateWindow = time.Minute
	samplesMax = 8
	// recordEvery is how often a heartbeat becomes a log record, when nothing happened that cannot wait.
	recordEvery = time.Minute

	// tellEvery is how often the other processes of a cluster are told what is new of agents, once for each heartbeat; speakEvery how often they are told of batches only, and that there is
	// nothing new. 2,000 agents with 4 KB each are 600 KB a second, before compression.
	tellEvery  = time.Second
	speakEvery = 5 * time.Second
	// tellerGone and deafAfter are three of these that did not come: from another process, and from oneself.
	tellerGone = 3 * speakEvery
	deafAfter  = 3 * speakEvery
	// holeAge is when numbers that did not come are missing: a collector that had them has told of them, or has vanished and is forgotten.
	holeAge = 2 * tellerGone
	// holesYoungMax bounds the holes that are younger: two collectors in turn, and 30 batches a second.
	holesYoungMax = 1024
	// askEvery and asksMax are how a process that has just started asks the others for what they know: it is there within two seconds, or there is nobody.
	askEvery = 2 * time.Second
	asksMax  = 3
	// keptSlack is how much older than recordEvery what is kept of an agent may be until it is read.
	keptSlack = 30 * time.Second
	// clocksApart is by how much the clocks of two processes may differ before it is put right.
	clocksApart = 2 * time.Second
	// toldBytes is how much a message holds, about; toldBytesMax how much it may compressed (NATS takes 1 MB by default), toldDecodedMax how much not compressed.
	toldBytes      = 512 << 10
	toldBytesMax   = 768 << 10
	toldDecodedMax = 8 << 20
	// tellersMax bounds the processes that are known.
	tellersMax = 1024
)
