package bucket

import (
	"context"
	"errors"
	"io/fs"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"gocloud.dev/gcerrors"
	"google.golang.org/api/googleapi"

	"clew/index/store"
)

// answer is what a store's error says of its cause: an HTTP status and a code of the store's own; zero where there was no answer.
func answer(err error) (status int, code string) {
	var withCode interface{ ErrorCode() string } // S3's
	var withStatus interface{ HTTPStatusCode() int }
	var azure *azcore.ResponseError
	var google *googleapi.Error
	switch {
	case errors.As(err, &azure):
		return azure.StatusCode, azure.ErrorCode
	case errors.As(err, &google):
		return google.Code, ""
	}
	if errors.As(err, &withCode) {
		code = withCode.ErrorCode()
	}
	if errors.As(err, &withStatus) {
		status = withStatus.HTTPStatusCode()
	}
	return status, code
}

// fullCodes are what S3-compatible stores say when they have no room.
var fullCodes = map[string]bool{
	"XMinioStorageFull": true, "QuotaExceeded": true, "InsufficientStorage": true, "XAmzQuotaExceeded": true, "EntityTooLargeForQuota": true,
}

// translate turns what a bucket answers into what a store.Store may answer.
func translate(ctx context.Context, name string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil { // the caller's; whatever the library made of it
		return ctx.Err()
	}
	status, code := answer(err)
	away := func(reason string) error { return &store.AwayError{Reason: reason, Err: err} }
	switch {
	case code == "NoSuchBucket" || code == "ContainerNotFound":
		return away(store.AwayNoBucket)
	case gcerrors.Code(err) == gcerrors.NotFound || status == http.StatusNotFound:
		return errors.Join(fs.ErrNotExist, err)
	case fullCodes[code] || status == http.StatusInsufficientStorage:
		return &store.FullError{Name: name, Err: err}
	case status == http.StatusUnauthorized || status == http.StatusForbidden || gcerrors.Code(err) == gcerrors.PermissionDenied:
		return away(store.AwayDenied)
	case status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable || code == "SlowDown":
		return away(store.AwayBusy)
	case status >= http.StatusInternalServerError:
		return away(store.AwayFailing)
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err) || status == http.StatusRequestTimeout:
		return &store.AwayError{Reason: store.AwayTimeout, Err: errors.New(err.Error())} // a deadline below, not the caller's
	case status >= http.StatusBadRequest:
		return err // it understood, and refuses: a defect, or a store that lacks something
	}
	// No answer: the connection could not be made, or broke.
	return away(store.AwayUnreachable)
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// isBeyond says whether the range asked for begins at the object's end or after it.
func isBeyond(err error) bool {
	status, code := answer(err)
	return status == http.StatusRequestedRangeNotSatisfiable || code == "InvalidRange"
}
