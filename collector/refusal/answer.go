package refusal

import (
	"net/http"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"
)

// errorMessageMax bounds what an answer says: gRPC sends it in a header, for which clients have a limit.
const errorMessageMax = 1024

// HTTPStatus is the refusal as HTTP status.
func (e *Error) HTTPStatus() int {
	switch e.Kind {
	case Overload:
		return http.StatusTooManyRequests
	case Invalid:
		return http.StatusBadRequest
	case TooLarge:
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusServiceUnavailable
}

// GRPCStatus is the refusal as gRPC status, which gRPC looks for in a handler's error: RESOURCE_EXHAUSTED is tried again only where RetryInfo says so.
func (e *Error) GRPCStatus() *status.Status {
	code := codes.Unavailable
	switch e.Kind {
	case Overload, TooLarge:
		code = codes.ResourceExhausted
	case Invalid:
		code = codes.InvalidArgument
	}
	message := e.Error()
	if len(message) > errorMessageMax {
		message = message[:errorMessageMax]
	}
	s := status.New(code, message)
	if e.Kind == Overload || e.Kind == Unavailable {
		if with, err := s.WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(e.Wait())}); err == nil {
			return with
		}
	}
	return s
}

// Label is Reason, for those who know errors by their methods.
func (e *Error) Label() string { return e.Reason }
