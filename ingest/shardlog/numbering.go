package shardlog

import (
	"math/rand/v2"
	"sync"
)

// numbering stamps the messages that this log appends: a number for each in its shard, and receipts for those that were acknowledged.
type numbering struct {
	writer uint64

	mu     sync.Mutex
	shards map[int]*shardNumbers
}

type shardNumbers struct {
	last     uint64    // number given
	receipts []receipt // of the latest acknowledged ones, in their order
}

func newNumbering() *numbering {
	return &numbering{writer: max(rand.Uint64(), 1), shards: map[int]*shardNumbers{}}
}

// next fills s in for the next message of a shard. Receipts go into the memory that s has.
func (n *numbering) next(shard int, s *stamp) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of := n.shards[shard]
	if of == nil {
		of = &shardNumbers{receipts: make([]receipt, 0, receiptsMax)}
		n.shards[shard] = of
	}
	of.last++
	s.Writer, s.Number = n.writer, of.last
	s.Receipts = append(s.Receipts[:0], of.receipts...)
}

// acknowledged notes that the message with this number is in the log. It says where the one acknowledged before it is; 0: there was none.
func (n *numbering) acknowledged(shard int, number uint64, at Position) (before Position) {
	n.mu.Lock()
	defer n.mu.Unlock()
	of := n.shards[shard]
	if k := len(of.receipts); k > 0 {
		before = of.receipts[k-1].Position
		if k == receiptsMax {
			of.receipts = of.receipts[:copy(of.receipts, of.receipts[1:])]
		}
	}
	of.receipts = append(of.receipts, receipt{number, at})
	return before
}
