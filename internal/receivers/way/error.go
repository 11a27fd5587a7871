package way

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"go.opentelemetry.io/collector/consumer/consumererror"
)

// Error is why a request was not taken. Reason is a short fixed word that counters use as a label.
type Error struct {
	Status      int // of HTTP
	Reason      string
	WaitSeconds int // after which to try again, for the statuses that ask for it
	Err         error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Message is the error for an answer, of bounded length.
func (e *Error) Message() string {
	m := e.Error()
	if len(m) > errorMessageMax {
		m = m[:errorMessageMax]
	}
	return m
}

func (e *Error) setRetryAfter(h http.Header) {
	if e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(max(e.WaitSeconds, 1)))
	}
}

// Refusal is what an error of the pipeline may know about itself. It is an interface because the ways in do not know whose pipeline it is: an
// agent's or a collector's.
type Refusal interface {
	error
	HTTPStatus() int
	WaitSeconds() int
	Label() string
}

// Of is the error in HTTP's terms. What says nothing about itself is permanent or should be tried again.
func Of(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	var r Refusal
	if errors.As(err, &r) {
		return &Error{Status: r.HTTPStatus(), Reason: r.Label(), WaitSeconds: r.WaitSeconds(), Err: err}
	}
	if consumererror.IsPermanent(err) {
		return &Error{Status: http.StatusBadRequest, Reason: "pipeline", Err: err}
	}
	return &Error{Status: http.StatusServiceUnavailable, Reason: "pipeline", WaitSeconds: 1, Err: err}
}

// Malformed is the error for what cannot be read.
func Malformed(format string, args ...any) *Error {
	return &Error{Status: http.StatusBadRequest, Reason: "malformed", Err: fmt.Errorf(format, args...)}
}

func tooLarge(bytesMax int64) *Error {
	return &Error{Status: http.StatusRequestEntityTooLarge, Reason: "too_large", Err: fmt.Errorf("the body is larger than %d bytes", bytesMax)}
}
