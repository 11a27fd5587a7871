package witness

import (
	"math/rand/v2"
	"sync"
)

// Numbers stamps the messages that this log appends: a number for each in its shard, and receipts for those that were acknowledged.
type Numbers struct {
	writer uint64

	mu     sync.Mutex
	shards map[int]*shardNumbers
}

type shardNumbers struct {
	last     uint64    // number given
	receipts []Receipt // of the latest acknowledged ones, in their order
}

// NewNumbers begins a writer, whose identity is random.
func NewNumbers() *Numbers {
	return &Numbers{writer: max(rand.Uint64(), 1), shards: map[int]*shardNumbers{}}
}

// Next fills s in for the next message of a shard. Receipts go into the memory that s has.
func (n *Numbers) Next(shard int, s *Stamp) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of := n.shards[shard]
	if of == nil {
		of = &shardNumbers{receipts: make([]Receipt, 0, ReceiptsMax)}
		n.shards[shard] = of
	}
	of.last++
	s.Writer, s.Number = n.writer, of.last
	s.Receipts = append(s.Receipts[:0], of.receipts...)
}

// Acknowledged notes that the message with this number is in the log.
func (n *Numbers) Acknowledged(shard int, number uint64, at Position) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of := n.shards[shard]
	if len(of.receipts) == ReceiptsMax {
		of.receipts = of.receipts[:copy(of.receipts, of.receipts[1:])]
	}
	of.receipts = append(of.receipts, Receipt{number, at})
}
