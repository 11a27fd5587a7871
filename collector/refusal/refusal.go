// Package refusal holds the reasons for which the collector does not take a request, in the terms of OTLP: whether the
// sender should try again, and when. The exporter makes refusals, the pipeline carries them as errors, and receivers
// turn them into their protocol's answer.
package refusal

import (
	"errors"
	"fmt"
	"math"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
)

// Kind says what the sender should do.
type Kind uint8

const (
	// Overload: nothing was written; try again after RetryAfter. HTTP 429, gRPC RESOURCE_EXHAUSTED with RetryInfo.
	Overload Kind = iota + 1
	// Unavailable: try again; the records may or may not have been written. HTTP 503, gRPC UNAVAILABLE.
	Unavailable
	// Invalid: the request can never be taken. HTTP 400, gRPC INVALID_ARGUMENT.
	Invalid
	// TooLarge: the request can never be taken because of its size. HTTP 413, gRPC RESOURCE_EXHAUSTED without RetryInfo,
	// which OTLP defines as not to be retried.
	TooLarge
)

// RetryAfterMin is the shortest time that a sender is told to wait: HTTP's Retry-After has whole seconds.
const RetryAfterMin = time.Second

// Error is a refusal. Reason is a short fixed word that counters use as a label ("in_flight_bytes", "disk", "slow_log").
type Error struct {
	Kind       Kind
	Reason     string
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string { return fmt.Sprintf("request refused (%s): %v", e.Reason, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Wait is RetryAfter, but at least RetryAfterMin.
func (e *Error) Wait() time.Duration { return max(e.RetryAfter, RetryAfterMin) }

// WaitSeconds is Wait in whole seconds, rounded up.
func (e *Error) WaitSeconds() int { return int(math.Ceil(e.Wait().Seconds())) }

// Overloaded makes a refusal of kind Overload.
func Overloaded(reason string, retryAfter time.Duration, format string, args ...any) *Error {
	return &Error{Kind: Overload, Reason: reason, RetryAfter: retryAfter, Err: fmt.Errorf(format, args...)}
}

// Of finds the refusal in err. Components between receiver and exporter (a user's processors) have errors of their own: a
// permanent one is Invalid, any other Unavailable, because what the sender still has it can send again.
func Of(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if consumererror.IsPermanent(err) {
		return &Error{Kind: Invalid, Reason: "pipeline", Err: err}
	}
	return &Error{Kind: Unavailable, Reason: "pipeline", RetryAfter: RetryAfterMin, Err: err}
}
