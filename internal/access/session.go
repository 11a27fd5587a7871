package access

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// flowKind is a login at the provider that has begun.
const flowKind = "flow"

// Session is a browser's login. It is kept by the browser, encrypted and authenticated, so that any clew with the key knows it and none has to remember it;
// what it may is looked up in the configuration at each request, so that a token that is removed ends its sessions.
type Session struct {
	ID      string              `json:"i"`
	Kind    string              `json:"k"` // token, oidc, or flowKind
	Hash    string              `json:"h,omitempty"`
	Claims  map[string][]string `json:"c,omitempty"`
	Flow    *Flow               `json:"f,omitempty"`
	Begun   int64               `json:"b"` // nanoseconds since 1970
	Expires int64               `json:"e"` // seconds since 1970
}

// Flow is what a login at the provider must come back with.
type Flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // of PKCE
	Next     string `json:"x"` // where to go afterwards
}

// vault encrypts sessions, and knows those that were ended before their time. One that replaces another, by another configuration, goes on with the same
// endings.
type vault struct {
	aead  cipher.AEAD
	ended *logouts
	spent *spent
}

// spent are logins at the provider that have come back. They are in memory alone: the provider takes a login's code once, whatever clew has forgotten.
type spent struct {
	mu sync.Mutex
	of map[string]int64 // state to its expiry
}

func newVault(key []byte, ended *logouts, flows *spent) (*vault, error) {
	sum := sha256.Sum256(append([]byte("clew session "), key...))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &vault{aead: aead, ended: ended, spent: flows}, err
}

// sessionKey reads the key of sessions, or makes it in the data directory.
func sessionKey(file, data string) ([]byte, error) {
	made := file == ""
	if made {
		file = filepath.Join(data, "access", "session.key")
	}
	key, err := os.ReadFile(file)
	if errors.Is(err, os.ErrNotExist) && made {
		key = make([]byte, 32)
		_, _ = rand.Read(key) // it never fails
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return nil, fmt.Errorf("key of sessions: %w", err)
		}
		if err := os.WriteFile(file, key, 0o600); err != nil {
			return nil, fmt.Errorf("key of sessions: %w", err)
		}
		return key, nil
	}
	if err != nil {
		return nil, fmt.Errorf("key of sessions: %w", err)
	}
	if len(key) < 32 {
		return nil, fmt.Errorf("key of sessions: %s: want 32 random bytes or more (head -c 32 /dev/urandom)", file)
	}
	return key, nil
}

func (v *vault) seal(s *Session) (string, error) {
	plain, err := json.Marshal(s)
	if err != nil {
		return "", err
	}
	nonce := make([]byte, v.aead.NonceSize())
	_, _ = rand.Read(nonce) // it never fails
	text := base64.RawURLEncoding.EncodeToString(v.aead.Seal(nonce, nonce, plain, nil))
	if len(text) > sessionBytesMax {
		return "", errors.New("too many claims for a session")
	}
	return text, nil
}

var errSession = errors.New("the session is not valid")

func (v *vault) open(text string, now time.Time) (*Session, error) {
	if len(text) > sessionBytesMax {
		return nil, errSession
	}
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(data) < v.aead.NonceSize() {
		return nil, errSession
	}
	plain, err := v.aead.Open(nil, data[:v.aead.NonceSize()], data[v.aead.NonceSize():], nil)
	if err != nil {
		return nil, errSession
	}
	var s Session
	if err := json.Unmarshal(plain, &s); err != nil {
		return nil, errSession
	}
	if now.Unix() >= s.Expires {
		return nil, errSession
	}
	if s.Kind == flowKind && v.spent.has(s.ID) || s.Kind != flowKind && v.ended.over(&s) {
		return nil, errSession
	}
	return &s, nil
}

func (f *spent) has(state string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, has := f.of[state]
	return has
}

// add remembers a login until it expires. Anybody can begin logins: when there are too many, the one that expires soonest is forgotten.
func (f *spent) add(s *Session, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.of) >= flowsMax {
		soonest := ""
		for id, expires := range f.of {
			if expires <= now.Unix() {
				delete(f.of, id)
			} else if soonest == "" || expires < f.of[soonest] {
				soonest = id
			}
		}
		if len(f.of) >= flowsMax {
			delete(f.of, soonest)
		}
	}
	f.of[s.ID] = s.Expires
}

func randomText() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
