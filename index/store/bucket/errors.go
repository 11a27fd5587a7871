package bucket

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"gocloud.dev/gcerrors"
	"golang.org/x/oauth2"
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

// translate turns what a bucket answers to a request about an object into what a store.Store may answer.
func translate(ctx context.Context, name string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil { // the caller's; whatever the library made of it
		return ctx.Err()
	}
	if none := (*credentialsError)(nil); errors.As(err, &none) {
		return &store.AwayError{Reason: store.AwayDenied, Err: none}
	}
	status, code := answer(err)
	err = oneLine(err)
	away := func(reason string) error { return &store.AwayError{Reason: reason, Err: err} }
	// The library's own codes are not asked whether something exists: it says "not found" of what Google refuses (403), and of an Azure account whose host
	// has no address at the moment. Taken for an answer about the object, either would make whole segments count as missing.
	switch {
	case code == "NoSuchBucket" || code == "ContainerNotFound" || errors.Is(err, storage.ErrBucketNotExist):
		return away(store.AwayNoBucket)
	case status == http.StatusNotFound || errors.Is(err, storage.ErrObjectNotExist):
		return fmt.Errorf("%w: %w", fs.ErrNotExist, err)
	case fullCodes[code] || status == http.StatusInsufficientStorage:
		return &store.FullError{Name: name, Err: err}
	case errors.As(err, new(*oauth2.RetrieveError)): // Google takes the credentials for no token
		return away(store.AwayDenied)
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

// translateBucket is translate for requests that name no object that could be missing: if something is, the bucket is.
func translateBucket(ctx context.Context, name string, err error) error {
	if translated := translate(ctx, name, err); !store.IsNotExist(translated) {
		return translated
	}
	return &store.AwayError{Reason: store.AwayNoBucket, Err: errors.New(oneLine(err).Error())} // not one that is fs.ErrNotExist
}

// oneLine tells in a line what Azure's errors spread over twelve, its answer's XML between rulers.
func oneLine(err error) error {
	var azure *azcore.ResponseError
	if !errors.As(err, &azure) {
		return err
	}
	text := fmt.Sprintf("status %d %s", azure.StatusCode, azure.ErrorCode)
	if azure.RawResponse != nil && azure.RawResponse.Request != nil {
		u := *azure.RawResponse.Request.URL
		u.RawQuery = "" // may hold a signature
		text = azure.RawResponse.Request.Method + " " + u.String() + ": " + text
	}
	return &lineError{text, err}
}

type lineError struct {
	text string
	err  error
}

func (e *lineError) Error() string { return e.text }
func (e *lineError) Unwrap() error { return e.err }

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// isCertain says whether an answer that something does not exist is about the object. S3's to a HEAD (it has no body) and Google's may be about the bucket.
func isCertain(err error) bool {
	_, code := answer(err)
	return code == "NoSuchKey" || code == "BlobNotFound"
}

// isBeyond says whether the range asked for begins at the object's end or after it.
func isBeyond(err error) bool {
	status, code := answer(err)
	return status == http.StatusRequestedRangeNotSatisfiable || code == "InvalidRange"
}
