package bucket

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"cloud.google.com/go/storage"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/gcp"
)

// Open opens the store that a URL names. It does not ask the store anything: one that is away can be opened.
func Open(ctx context.Context, rawURL string) (*Store, error) {
	t, err := ParseURL(rawURL)
	if err != nil {
		return nil, err
	}
	var b *blob.Bucket
	switch t.Scheme {
	case "s3":
		b, err = openS3(ctx, t)
	case "gs":
		b, err = openGS(ctx, t)
	case "azblob":
		b, err = openAzure(ctx, t)
	}
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", t, err)
	}
	if t.Prefix != "" {
		b = blob.PrefixedBucket(b, t.Prefix+"/")
	}
	return &Store{target: t, bucket: b}, nil
}

// transport is http's own, with timeouts for what is away and connections kept for what comes next.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	tune(t)
	return t
}

func tune(t *http.Transport) {
	t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	t.TLSHandshakeTimeout = connectTimeout
	t.ResponseHeaderTimeout = answerTimeout
	t.MaxIdleConns, t.MaxIdleConnsPerHost = idleConnections, idleConnections
	// Objects are compressed where that pays; and a range of compressed bytes would be of no use.
	t.DisableCompression = true
}

// openGS takes Google's default credentials, or none for an emulator (STORAGE_EMULATOR_HOST) and with anonymous=true.
func openGS(ctx context.Context, t Target) (*blob.Bucket, error) {
	client := gcp.NewAnonymousHTTPClient(transport())
	if !t.flag("anonymous") && os.Getenv("STORAGE_EMULATOR_HOST") == "" {
		credentials, err := gcp.DefaultCredentials(ctx)
		if err != nil {
			return nil, fmt.Errorf("credentials: %w", err)
		}
		if client, err = gcp.NewHTTPClient(transport(), gcp.CredentialsTokenSource(credentials)); err != nil {
			return nil, err
		}
	}
	b, err := gcsblob.OpenBucket(ctx, client, t.Bucket, nil)
	if err != nil {
		return nil, err
	}
	var c *storage.Client
	if b.As(&c) {
		c.SetRetry(storage.WithMaxAttempts(1)) // as with S3
	}
	return b, nil
}
