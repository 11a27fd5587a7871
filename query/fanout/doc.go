// Package fanout answers queries over what several processes hold: ingest processes have heads, all have the segments in the object store before them.
//
// It pushes the operation and not the data. An engine that has a [Coordinator] puts the same small questions ([engine.Question]) to every process, each about a share of what
// there is ([parts.Share]), and puts the answers together; everything that an engine answers is made of these questions. Segments are shared out among the query
// processes by rendezvous hashing, so that each one's disk cache stays warm; heads are asked where they are.
//
// Answers are exact while heads seal and shards change hands. Who asks fixes a version of the catalog; a head answers what lies above the version's positions, and refuses
// if it has given up more than the version knows (docs/decisions/0012): then all is asked again with a newer one. The owner of a shard is the one with the highest
// epoch, and one whose epoch is below that of the shard's last commit is not believed. What nobody answers for is named: the answer is partial.
//
// Questions travel as tickets of Arrow Flight's DoGet, answers as frames (package frame). While a process works it says so every half second, so one that is
// silent longer ([silenceMax]) is taken for dead: its segments are read by others, and its shards are missing until they have another owner.
package fanout
