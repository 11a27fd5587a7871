package bucket

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"

	"cloud.google.com/go/storage"
	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"gocloud.dev/blob"
	"gocloud.dev/blob/gcsblob"
	"gocloud.dev/blob/s3blob"
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

// openS3 takes credentials and what the URL doesn't say from AWS's standard chain: environment, files, instance.
func openS3(ctx context.Context, t Target) (*blob.Bucket, error) {
	options := []func(*awsconfig.LoadOptions) error{
		// One attempt: whoever is above repeats, with limits that hold for every kind of store.
		awsconfig.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(tune)), // of its own kind, which takes AWS_CA_BUNDLE
		// Many S3-compatible stores refuse the SDK's newer checksum trailers; segments carry checksums of their own.
		awsconfig.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
		awsconfig.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
	}
	if region := t.params.Get("region"); region != "" {
		options = append(options, awsconfig.WithRegion(region))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	endpoint := t.params.Get("endpoint")
	if cfg.Region == "" {
		if endpoint == "" {
			return nil, fmt.Errorf("no region: want ?region= or AWS_REGION")
		}
		cfg.Region = "us-east-1" // what stores that have no regions expect in signatures
	}
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
			o.UsePathStyle = true // bucket.host needs a name server that knows every bucket
		}
		if t.params.Has("path_style") {
			o.UsePathStyle = t.flag("path_style")
		}
	})
	return s3blob.OpenBucket(ctx, client, t.Bucket, &s3blob.Options{RequestChecksumCalculation: cfg.RequestChecksumCalculation})
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
