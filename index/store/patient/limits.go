package patient

import "time"

// Limits bound what a Store asks of the store below it. The zero value of a field means its default.
type Limits struct {
	// Parallel is how many requests are under way at once (64). Object stores scale with parallelism; the bound is for our memory and sockets.
	Parallel int
	// Attempts is how often a read, size, delete or listing is tried in all (4).
	Attempts int
	// AttemptTimeout is for one attempt, plus a second per MiB asked for (10 s).
	AttemptTimeout time.Duration
	// PutTimeout is for one upload (5 min): a segment of 100 MB at 3 Mbit/s.
	PutTimeout time.Duration
	// HedgeShare is how many second requests there may be for each read (0.05). Negative: none.
	HedgeShare float64
	// HedgeMin is how soon a second request may follow (20 ms), whatever the others took.
	HedgeMin time.Duration
	// AwayAfter is how many failures in a row mean that the store is away (4).
	AwayAfter int
	// ProbeEvery is how often one request is let through while it is (1 s); the others fail at once.
	ProbeEvery time.Duration
}

const (
	// retryMin and retryMax bound the pause before an attempt is repeated; each is drawn between half of it and all.
	retryMin = 50 * time.Millisecond
	retryMax = 2 * time.Second
	// hedgeBytesMax: reads beyond are slow for their size, not for their luck.
	hedgeBytesMax = 4 << 20
	// latenciesKept are looked at for the 95th percentile, anew after every latenciesFresh reads.
	latenciesKept  = 256
	latenciesFresh = 32
	// hedgesSaved bounds the second requests that a quiet time saves up for a bad one.
	hedgesSaved = 10
)

func (l Limits) withDefaults() Limits {
	def := func(have *int, want int) {
		if *have == 0 {
			*have = want
		}
	}
	defTime := func(have *time.Duration, want time.Duration) {
		if *have == 0 {
			*have = want
		}
	}
	def(&l.Parallel, 64)
	def(&l.Attempts, 4)
	def(&l.AwayAfter, 4)
	defTime(&l.AttemptTimeout, 10*time.Second)
	defTime(&l.PutTimeout, 5*time.Minute)
	defTime(&l.HedgeMin, 20*time.Millisecond)
	defTime(&l.ProbeEvery, time.Second)
	if l.HedgeShare == 0 {
		l.HedgeShare = 0.05
	}
	return l
}
