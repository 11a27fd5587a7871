package witness

import (
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// wire is a shard's log of encoded messages, as JetStream would keep it, and how writers fill it.
type wire struct {
	t    testing.TB
	list []sent // positions 1, 2, ...
}

type sent struct {
	data []byte // nil: nothing is there
}

func (w *wire) encode(n *Numbers, s *Stamp, payload string) []byte {
	n.Next(0, s)
	return append(s.Append(nil), payload...)
}

// append writes a message that is acknowledged.
func (w *wire) append(n *Numbers) {
	var s Stamp
	w.list = append(w.list, sent{w.encode(n, &s, fmt.Sprint(len(w.list)))})
	n.Acknowledged(0, s.Number, Position(len(w.list)))
}

// read gives the list to a witness that began after a position, and returns the positions that are found to be lost, and how many messages were there twice.
func (w *wire) read(after int) (lost []Position, twice int) {
	k := New(Position(after))
	var s Stamp
	for i := after; i < len(w.list); i++ {
		p := Position(i + 1)
		if w.list[i].data == nil {
			k.Unreadable(p, p)
			continue
		}
		s = Stamp{}
		if _, cause := s.Read(w.list[i].data); cause != "" {
			w.t.Fatal(cause)
		}
		if k.Meet(p, time.Unix(int64(p), 0), crc32.ChecksumIEEE(w.list[i].data), &s, func(r Receipt) { lost = append(lost, r.Position) }) != Once {
			twice++
		}
	}
	return lost, twice
}

// TestWitnessQuiet: appends side by side that are refused, have no answer and were not written, or were written after all, later, while readers begin anywhere: nobody
// cries wolf.
func TestWitnessQuiet(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		w := &wire{t: t}
		writers := []*Numbers{NewNumbers(), NewNumbers(), NewNumbers()}
		type flying struct {
			by   *Numbers
			of   Stamp
			data []byte
			ends int // 0: acknowledged, 1: written, no answer, 2: never written
		}
		var air []*flying
		for range 400 {
			if rng.IntN(50) == 0 {
				writers[rng.IntN(len(writers))] = NewNumbers() // a process starts anew
			}
			if len(air) < 1+rng.IntN(12) {
				f := &flying{by: writers[rng.IntN(len(writers))]}
				if rng.IntN(6) == 0 {
					f.ends = 1 + rng.IntN(2)
				}
				f.data = w.encode(f.by, &f.of, fmt.Sprint(rng.Uint64()))
				air = append(air, f)
				continue
			}
			i := rng.IntN(len(air))
			f := air[i]
			if f.ends == 1 && rng.IntN(8) > 0 {
				continue // it comes later
			}
			air = slices.Delete(air, i, i+1)
			if f.ends < 2 {
				w.list = append(w.list, sent{f.data})
			}
			if f.ends == 0 {
				f.by.Acknowledged(0, f.of.Number, Position(len(w.list)))
			}
		}
		for _, after := range []int{0, rng.IntN(len(w.list)), len(w.list) - 1} {
			if lost, twice := w.read(after); len(lost) > 0 || twice > 0 {
				t.Fatalf("seed %d, read after %d: lost %v, %d twice", seed, after, lost, twice)
			}
		}
	}
}

// TestWitnessLost: acknowledged messages whose positions are given to others are noticed, each once, by the next message of their writer.
func TestWitnessLost(t *testing.T) {
	w := &wire{t: t}
	a, b := NewNumbers(), NewNumbers()
	for range 10 {
		w.append(a)
		w.append(b)
	}
	w.list = w.list[:15] // the stream loses its end, which held 16 to 20
	for range 3 {
		w.append(a)
		w.append(b)
	}
	lost, twice := w.read(0)
	if slices.Sort(lost); !slices.Equal(lost, []Position{16, 17, 18, 19, 20}) || twice > 0 {
		t.Errorf("lost %v, %d twice", lost, twice)
	}
	// Receipts name what is at or before the floor as well: that was read before this reader came.
	if lost, _ := w.read(20); len(lost) > 0 {
		t.Errorf("read after 20: lost %v", lost)
	}
}

// TestWitnessKnown: what is missing or damaged, and known to be, is not reported a second time; a message that is there twice is.
func TestWitnessKnown(t *testing.T) {
	w := &wire{t: t}
	a := NewNumbers()
	for range 10 {
		w.append(a)
	}
	w.list[4].data = nil
	w.list = append(w.list, w.list[7])
	if lost, twice := w.read(0); len(lost) > 0 || twice != 1 {
		t.Errorf("lost %v, %d twice", lost, twice)
	}
}

// TestWitnessForgets: of more writers than it remembers a witness says nothing that it does not know.
func TestWitnessForgets(t *testing.T) {
	w := &wire{t: t}
	old := NewNumbers()
	w.append(old)
	for range writersMax + 10 {
		w.append(NewNumbers())
	}
	w.append(old)
	if lost, _ := w.read(0); len(lost) > 0 {
		t.Errorf("lost %v", lost)
	}
	// A writer's numbers may jump: all that lies between was refused.
	old.shards[0].last += 10 * window
	w.append(old)
	w.append(old)
	if lost, _ := w.read(0); len(lost) > 0 {
		t.Errorf("lost %v", lost)
	}
}

// TestWitnessNear: about when a lost message came is known by those around it.
func TestWitnessNear(t *testing.T) {
	w := New(0)
	for p := Position(1); p <= 3000; p++ {
		if p == 2500 {
			continue
		}
		w.Meet(p, time.Unix(int64(p), 0), 0, &Stamp{}, nil)
	}
	for p, want := range map[Position][2]int64{2500: {2499, 2501}, 2600: {2599, 2601}, 3000: {2999, 0}, 5: {0, 0}} {
		from, to := w.Near(p, 3000)
		unix := func(t time.Time) int64 {
			if t.IsZero() {
				return 0
			}
			return t.Unix()
		}
		if unix(from) != want[0] || unix(to) != want[1] {
			t.Errorf("near %d: %v to %v, want %v", p, from, to, want)
		}
	}
}
