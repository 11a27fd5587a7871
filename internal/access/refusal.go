package access

import (
	"fmt"
	"net/http"

	"google.golang.org/grpc/codes"
)

// Refusal is why a request is not let in. It never repeats what was presented.
type Refusal struct {
	Status      int    // of HTTP: 400, 401, 403, 429, 503
	Reason      string // a short fixed word that counters use as a label
	Message     string
	WaitSeconds int // after which to try again, with 429 and 503
}

func (r *Refusal) Error() string { return r.Message }

// Code is the refusal's in clew's API.
func (r *Refusal) Code() string {
	switch r.Status {
	case http.StatusUnauthorized:
		return "unauthenticated"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return "overload"
	}
	return "bad_request"
}

// GRPC is the refusal's code of gRPC.
func (r *Refusal) GRPC() codes.Code {
	switch r.Status {
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return codes.Unavailable
	}
	return codes.InvalidArgument
}

func unauthenticated(reason, format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusUnauthorized, Reason: reason, Message: fmt.Sprintf(format, args...)}
}

func forbidden(reason, format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusForbidden, Reason: reason, Message: fmt.Sprintf(format, args...)}
}
