package access

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// TokenPrefix begins every token, so that scanners for leaked secrets know one when they see it.
const TokenPrefix = "clew_"

// hashPrefix names how the configuration keeps tokens. SHA-256 is enough for what has 256 random bits: what slow hashes protect are passwords that
// people thought of.
const hashPrefix = "sha256:"

// Token is a static token, as the configuration has it: not itself, but its hash.
type Token struct {
	Name string `yaml:"name"`
	Hash string `yaml:"hash"` // as `clew token new` prints it
	// Expires is the time (RFC 3339) or the day (UTC) at whose begin it ends; empty: never.
	Expires string   `yaml:"expires,omitempty"`
	Role    Role     `yaml:"role"`
	Tenants []string `yaml:"tenants"` // names, or "*"
}

// NewToken makes a token and the hash that the configuration keeps of it.
func NewToken() (token, hash string) {
	secret := make([]byte, tokenBytes)
	_, _ = rand.Read(secret) // it never fails: the process ends where there is no randomness
	token = TokenPrefix + base64.RawURLEncoding.EncodeToString(secret)
	return token, HashToken(token)
}

// HashToken is what the configuration keeps of a token.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hashPrefix + hex.EncodeToString(sum[:])
}

// tokenSum reads a configured hash.
func tokenSum(hash string) (sum [sha256.Size]byte, err error) {
	text, ok := strings.CutPrefix(hash, hashPrefix)
	data, bad := hex.DecodeString(text)
	if !ok || bad != nil || len(data) != len(sum) {
		return sum, fmt.Errorf("want %s and 64 hex digits, as `clew token new` prints it", hashPrefix) // not the value: it may be the token itself
	}
	copy(sum[:], data)
	return sum, nil
}

// tokens finds tokens by their hash.
type tokens map[[sha256.Size]byte]*Token

// find gives the token; nil: there is none. Only the hash of what was presented is compared, so that the time it takes tells nothing of a token that
// exists; the last comparison takes the same time for any two hashes.
func (t tokens) find(presented string) (*Token, [sha256.Size]byte) {
	sum := sha256.Sum256([]byte(presented))
	found := t[sum]
	if found == nil {
		return nil, sum
	}
	if have, err := tokenSum(found.Hash); err != nil || subtle.ConstantTimeCompare(have[:], sum[:]) != 1 {
		return nil, sum
	}
	return found, sum
}

// expiry is when the token ends; zero: never.
func (t *Token) expiry() (time.Time, error) {
	if t.Expires == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, t.Expires); err == nil {
		return day, nil
	}
	at, err := time.Parse(time.RFC3339, t.Expires)
	if err != nil {
		return at, fmt.Errorf("%.40q: want a day or a time, such as 2027-01-31 or 2027-01-31T12:00:00Z", t.Expires)
	}
	return at, nil
}

// check gives the token's identity, if it has not ended.
func (t *Token) check(now time.Time) (*Identity, *Refusal) {
	ends, err := t.expiry()
	if err != nil || !ends.IsZero() && !now.Before(ends) {
		return nil, unauthenticated("expired", "the token has expired")
	}
	return &Identity{Name: t.Name, Kind: "token", Grants: []Grant{{Role: t.Role, Tenants: t.Tenants}}}, nil
}
