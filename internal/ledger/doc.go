// Package ledger is the account of what senders have sent and what became of it: of each record that an agent has read it is known whether it is stored, refused,
// dropped, or still on its way, and why.
//
// Three tell of the same records, and where they differ something was lost:
//
//	the agent      by its heartbeats: read, sent, acknowledged, refused and dropped by reason, since its data directory was made
//	the collector  which numbers came, by what it answered ([Book.Batch]); of senders without numbers, what it received, by service ([Book.Sent])
//	the shard log  records stored and repetitions dropped, by source ([Stored]): exact, because it is counted where repetitions are told apart, and committed with it
//
// [Book] holds them beside each other in memory. The last heartbeat of each agent is kept as a log record ([Book.Heartbeat] says when), from which the book
// is made again after a restart; the log's counts come back with the log. What the collector itself has counted is since its start.
package ledger
