package share

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// TestConverges plays processes that come and go: whoever has the least patience takes a free shard, and excess is handed over. From
// every start it ends, with every shard owned and nobody owning two more than another.
func TestConverges(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		shards, processes := 1+random.IntN(12), 1+random.IntN(5)
		peers := make([]Peer, processes)
		for i := range peers {
			peers[i] = Peer{ID: fmt.Sprintf("p%d", i), Able: true}
		}
		for shard := range shards { // some have no owner
			if i := random.IntN(processes + 1); i < processes {
				peers[i].Shards = append(peers[i].Shards, shard)
			}
		}
		moves := 0
		for ; moves < 100 && play(peers, shards); moves++ {
		}
		low, high, owned := shards, 0, 0
		for _, p := range peers {
			low, high, owned = min(low, len(p.Shards)), max(high, len(p.Shards)), owned+len(p.Shards)
		}
		if moves == 100 || owned != shards || high-low > 1 {
			t.Fatalf("seed %d: %d shards, after %d moves: %+v", seed, shards, moves, peers)
		}
	}
}

// play makes one move and says whether there was one.
func play(peers []Peer, shards int) bool {
	for shard := range shards {
		if slices.ContainsFunc(peers, func(p Peer) bool { return slices.Contains(p.Shards, shard) }) {
			continue
		}
		first := slices.MinFunc(indexes(peers), func(a, b int) int {
			return int(Patience(peers[a].ID, peers, len(peers[a].Shards), shards) - Patience(peers[b].ID, peers, len(peers[b].Shards), shards))
		})
		peers[first].Shards = append(peers[first].Shards, shard)
		return true
	}
	for i := range peers {
		if n := Excess(peers[i].ID, peers, len(peers[i].Shards), shards); n > 0 {
			peers[i].Shards = peers[i].Shards[:len(peers[i].Shards)-n]
			return true
		}
	}
	return false
}

func indexes(peers []Peer) []int {
	list := make([]int, len(peers))
	for i := range list {
		list[i] = i
	}
	return list
}

// TestUnable: who cannot own is given nothing, and keeps nobody from taking all.
func TestUnable(t *testing.T) {
	peers := []Peer{{ID: "a", Shards: []int{0, 1, 2, 3}, Able: true}, {ID: "b"}}
	if n := Excess("a", peers, 4, 4); n != 0 {
		t.Errorf("%d are handed over to who cannot take them", n)
	}
	if d := Patience("a", peers, 3, 4); d != 0 {
		t.Errorf("it waits %v for who cannot take any", d)
	}
	peers[1].Able = true
	if n := Excess("a", peers, 4, 4); n != 2 {
		t.Errorf("%d are handed over, want 2", n)
	}
	if d := Patience("a", peers, 2, 4); d <= time.Second {
		t.Errorf("with its share it waits only %v", d)
	}
	if by, owned := Owned("b", peers, 3); by != "a" || !owned {
		t.Errorf("shard 3 is owned by %q, %v", by, owned)
	}
	if _, owned := Owned("a", peers, 3); owned {
		t.Error("a process's own shards are not another's")
	}
}
