package queue

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Workers get the most urgent first, what is with a worker is given to no other, and what failed waits for its pause.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := map[string]int64{"a": 1, "b": 3, "c": 2}
		q := New(func(k string) (int64, bool) {
			rank, ok := work[k]
			return rank, ok
		})
		for k := range work {
			q.Add(k)
			q.Add(k) // once is enough
		}
		next := func(within time.Duration) string {
			ctx, cancel := context.WithTimeout(t.Context(), within)
			defer cancel()
			k, ok := q.Next(ctx)
			if !ok {
				return ""
			}
			return k
		}
		want := func(want string, within time.Duration) {
			t.Helper()
			if got := next(within); got != want {
				t.Fatalf("got %q, want %q", got, want)
			}
		}
		want("b", 0)
		q.Add("b") // a worker has it
		want("c", 0)
		if !q.Done("b", time.Minute) {
			t.Fatal("b has more to do")
		}
		want("a", 0)
		want("", 59*time.Second)
		want("b", 2*time.Second)
		delete(work, "b")
		if q.Done("b", 0) {
			t.Fatal("b has nothing more to do")
		}
		q.Done("a", time.Hour)
		q.Hold(time.Minute)
		want("", 59*time.Second)
		q.Hurry()
		want("a", 0)
		delete(work, "c")
		q.Done("a", 0)
		q.Done("c", 0)
		want("a", 0)
		want("", time.Hour)
	})
}
