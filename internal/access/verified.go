package access

import (
	"crypto/sha256"
	"sync"
	"time"
)

// verified remembers whose JWTs are, by their hashes: a sender shows the same one with each request, and to verify its signature costs 100 times what the rest
// of the door does. It is of one provider in one configuration, and goes with it. It is safe for concurrent use.
type verified struct {
	mu sync.Mutex
	of map[[sha256.Size]byte]verifiedToken
}

type verifiedToken struct {
	id   *Identity // shared: nobody changes it
	ends time.Time
}

// find gives the identity of a token that was verified and is still valid; nil: it is to be verified.
func (v *verified) find(token string, now time.Time) *Identity {
	sum := sha256.Sum256([]byte(token))
	v.mu.Lock()
	defer v.mu.Unlock()
	t, ok := v.of[sum]
	if ok && now.Before(t.ends) {
		return t.id
	}
	delete(v.of, sum)
	return nil
}

// keep remembers a token until it ends. When there are too many, those that have ended are forgotten, else any: it is verified again.
func (v *verified) keep(token string, id *Identity, ends, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.of == nil {
		v.of = map[[sha256.Size]byte]verifiedToken{}
	}
	if len(v.of) >= verifiedMax {
		for sum, t := range v.of {
			if !now.Before(t.ends) {
				delete(v.of, sum)
			}
		}
		for sum := range v.of {
			if len(v.of) < verifiedMax {
				break
			}
			delete(v.of, sum)
		}
	}
	v.of[sha256.Sum256([]byte(token))] = verifiedToken{id, ends}
}
