package bucket

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/aws/aws-sdk-go-v2/aws"
)

// credentialsError says that there are no credentials to ask a store with. The clouds' libraries say it as a failure of the last place they looked in,
// the metadata server of a machine that is none of theirs.
type credentialsError struct {
	want string // what would have been taken
	err  error
}

func (e *credentialsError) Error() string {
	text, _, _ := strings.Cut(e.err.Error(), "\n") // Azure's go on for thirty lines
	return "no credentials: want " + e.want + " (" + text + ")"
}

func (e *credentialsError) Unwrap() error { return e.err }

// seeker remembers for a while that no credentials were found: each search may wait seconds for a metadata server, and every request would search.
type seeker struct {
	mu     sync.Mutex
	failed error
	until  time.Time
}

// seek calls find, unless it has failed a moment ago.
func (s *seeker) seek(ctx context.Context, want string, find func() error) error {
	s.mu.Lock()
	failed, until := s.failed, s.until
	s.mu.Unlock()
	if failed != nil && time.Now().Before(until) {
		return failed
	}
	err := find()
	if err != nil && ctx.Err() == nil {
		err = &credentialsError{want, err}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() == nil {
		s.failed, s.until = err, time.Now().Add(seekAgainAfter)
	}
	return err
}

// awsCredentials are those of AWS's chain.
type awsCredentials struct {
	provider aws.CredentialsProvider
	seeker   seeker
}

// Retrieve implements aws.CredentialsProvider.
func (c *awsCredentials) Retrieve(ctx context.Context) (found aws.Credentials, err error) {
	err = c.seeker.seek(ctx, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, or the role of an instance", func() (err error) {
		found, err = c.provider.Retrieve(ctx)
		return err
	})
	return found, err
}

// azureCredentials are those of Azure's default chain.
type azureCredentials struct {
	chain  azcore.TokenCredential
	seeker seeker
}

// GetToken implements azcore.TokenCredential.
func (c *azureCredentials) GetToken(ctx context.Context, o policy.TokenRequestOptions) (token azcore.AccessToken, err error) {
	err = c.seeker.seek(ctx, "AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN, AZURE_STORAGE_CONNECTION_STRING, or an identity of Azure's", func() (err error) {
		token, err = c.chain.GetToken(ctx, o)
		return err
	})
	return token, err
}
