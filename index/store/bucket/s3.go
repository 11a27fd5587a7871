package bucket

import (
	"context"
	"errors"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/feature/ec2/imds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	"gocloud.dev/blob"
	"gocloud.dev/blob/s3blob"
)

// errNoRegion is also what a store's URL without its parameters ends in, such as the one that a data directory remembers.
var errNoRegion = errors.New("no region: want ?region= in the URL, AWS_REGION in the environment, or ?endpoint= for a store that is not Amazon's")

// openS3 takes credentials and what the URL doesn't say from AWS's standard chain: environment, files, instance.
func openS3(ctx context.Context, t Target) (*blob.Bucket, error) {
	options := []func(*awsconfig.LoadOptions) error{
		// One attempt: whoever is above repeats, with limits that hold for every kind of store.
		awsconfig.WithRetryer(func() aws.Retryer { return aws.NopRetryer{} }),
		awsconfig.WithHTTPClient(awshttp.NewBuildableClient().WithTransportOptions(tune)), // of its own kind, which takes AWS_CA_BUNDLE
		// Many S3-compatible stores refuse the SDK's newer checksum trailers; segments carry checksums of their own.
		awsconfig.WithRequestChecksumCalculation(aws.RequestChecksumCalculationWhenRequired),
		awsconfig.WithResponseChecksumValidation(aws.ResponseChecksumValidationWhenRequired),
		awsconfig.WithLogger(logging.Nop{}), // it warns on stderr; what fails is in the errors
	}
	endpoint := t.params.Get("endpoint")
	if endpoint != "" && !isAmazon(endpoint) {
		// Amazon's instances know credentials of Amazon's stores only, and elsewhere asking them is a request to an address that may not answer.
		options = append(options, awsconfig.WithEC2IMDSClientEnableState(imds.ClientDisabled))
	}
	if region := t.params.Get("region"); region != "" {
		options = append(options, awsconfig.WithRegion(region))
	}
	cfg, err := awsconfig.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		if endpoint == "" {
			return nil, errNoRegion
		}
		cfg.Region = "us-east-1" // what stores that have no regions expect in signatures
	}
	cfg.Credentials = &awsCredentials{provider: cfg.Credentials}
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

// isAmazon says whether an endpoint is one of Amazon's own.
func isAmazon(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && (strings.HasSuffix(u.Hostname(), ".amazonaws.com") || strings.HasSuffix(u.Hostname(), ".amazonaws.com.cn"))
}
