// Package telemetry holds the nouns that every other package shares: signals,
// tenants, ids, columns and the Batch, clew's unit on the write side.
//
// A Batch is many records of one signal and one tenant as columns. Every fixed
// field of a record and every attribute is a column of its own, named by
// [Column]. What many records share (resource and scope) is kept once, in the
// batch's sets, and each row says which set it belongs to.
package telemetry

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// Signal is one of the three kinds of telemetry.
type Signal uint8

// The signals. The numbers are written to disk: never renumber them.
const (
	Spans   Signal = 1
	Logs    Signal = 2
	Metrics Signal = 3
)

// Signals lists all signals.
var Signals = []Signal{Spans, Logs, Metrics}

func (s Signal) String() string {
	switch s {
	case Spans:
		return "spans"
	case Logs:
		return "logs"
	case Metrics:
		return "metrics"
	}
	return fmt.Sprintf("signal(%d)", uint8(s))
}

// ParseSignal is the inverse of String.
func ParseSignal(s string) (Signal, error) {
	for _, sig := range Signals {
		if s == sig.String() {
			return sig, nil
		}
	}
	return 0, fmt.Errorf("signal %q: want spans, logs or metrics", s)
}

// DefaultTenant owns the records of senders that name no tenant.
const DefaultTenant = "default"

// TenantHeader carries the tenant in HTTP requests and gRPC metadata.
const TenantHeader = "X-Scope-OrgID"

// tenantBytesMax bounds a tenant's name: it is part of object names and subjects.
const tenantBytesMax = 150

// CheckTenant says whether s can name a tenant: 1 to 150 letters, digits, '_' or '-'.
// Dots, slashes and wildcards are refused because the name becomes part of paths and subjects.
func CheckTenant(s string) error {
	if s == "" || len(s) > tenantBytesMax {
		return fmt.Errorf("tenant %.40q: want 1 to %d characters, have %d", s, tenantBytesMax, len(s))
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' {
			continue
		}
		return fmt.Errorf("tenant %.40q: character %q at %d: want letters, digits, '_' or '-'", s, c, i)
	}
	return nil
}

// TraceID is a W3C trace id.
type TraceID [16]byte

// SpanID is a W3C span id.
type SpanID [8]byte

func (id TraceID) String() string { return hex.EncodeToString(id[:]) }
func (id SpanID) String() string  { return hex.EncodeToString(id[:]) }

// IsZero reports the invalid id.
func (id TraceID) IsZero() bool { return id == TraceID{} }

// IsZero reports the invalid id.
func (id SpanID) IsZero() bool { return id == SpanID{} }

// ParseTraceID reads 1 to 32 hex digits; a shorter id (Jaeger prints 64-bit ids so) is padded on the left.
func ParseTraceID(s string) (TraceID, error) {
	var id TraceID
	if s == "" || len(s) > 32 {
		return id, fmt.Errorf("trace id %.40q: want 1 to 32 hex digits, have %d characters", s, len(s))
	}
	if _, err := hex.Decode(id[:], []byte(strings.Repeat("0", 32-len(s))+s)); err != nil {
		return TraceID{}, fmt.Errorf("trace id %q: want hex digits: %w", s, err)
	}
	return id, nil
}

// ParseSpanID reads 1 to 16 hex digits.
func ParseSpanID(s string) (SpanID, error) {
	var id SpanID
	if s == "" || len(s) > 16 {
		return id, fmt.Errorf("span id %.40q: want 1 to 16 hex digits, have %d characters", s, len(s))
	}
	if _, err := hex.Decode(id[:], []byte(strings.Repeat("0", 16-len(s))+s)); err != nil {
		return SpanID{}, fmt.Errorf("span id %q: want hex digits: %w", s, err)
	}
	return id, nil
}
