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

// Session is a browser's login. It is kept by the browser, encrypted and authenticated, so that any clew with the key knows it and none has to remember it;
// what it may is looked up in the configuration at each request, so that a token that is removed ends its sessions.
type Session struct {
	ID      string              `json:"i"`
	Kind    string              `json:"k"` // token, oidc, or flow: a login that has begun
	Hash    string              `json:"h,omitempty"`
	Claims  map[string][]string `json:"c,omitempty"`
	Flow    *Flow               `json:"f,omitempty"`
	Expires int64               `json:"e"` // seconds since 1970
}

// Flow is what a login at the provider must come back with.
type Flow struct {
	State    string `json:"s"`
	Nonce    string `json:"n"`
	Verifier string `json:"v"` // of PKCE
	Next     string `json:"x"` // where to go afterwards
}

// vault encrypts sessions, and remembers those that were ended before their time.
type vault struct {
	aead cipher.AEAD

	mu    sync.Mutex
	ended map[string]int64 // session to its expiry
}

func newVault(key []byte) (*vault, error) {
	sum := sha256.Sum256(append([]byte("clew session "), key...))
	block, err := aes.NewCipher(sum[:])
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &vault{aead: aead, ended: map[string]int64{}}, err
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
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, ended := v.ended[s.ID]; ended || now.Unix() >= s.Expires {
		return nil, errSession
	}
	return &s, nil
}

// end makes a session invalid before its time. When too many are remembered, those that end soonest are forgotten.
func (v *vault) end(s *Session, now time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for id, expires := range v.ended {
		if expires <= now.Unix() {
			delete(v.ended, id)
		}
	}
	if len(v.ended) >= loggedOutMax {
		var soonest string
		for id, expires := range v.ended {
			if soonest == "" || expires < v.ended[soonest] {
				soonest = id
			}
		}
		delete(v.ended, soonest)
	}
	v.ended[s.ID] = s.Expires
}

func randomText() string {
	b := make([]byte, 24)
	_, _ = rand.Read(b) // it never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
