package bucket

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob/container"
	"gocloud.dev/blob"
	"gocloud.dev/blob/azureblob"
)

// openAzure takes credentials from the environment (AZURE_STORAGE_ACCOUNT with AZURE_STORAGE_KEY, AZURE_STORAGE_SAS_TOKEN or
// AZURE_STORAGE_CONNECTION_STRING) or Azure's default chain. An account in the URL goes before the environment's.
func openAzure(ctx context.Context, t Target) (*blob.Bucket, error) {
	service := azureblob.NewDefaultServiceURLOptions()
	if v := t.params.Get("storage_account"); v != "" {
		service.AccountName = v
	}
	if v := t.params.Get("domain"); v != "" {
		service.StorageDomain = v
	}
	if v := t.params.Get("protocol"); v != "" {
		service.Protocol = v
	}
	if t.flag("localemu") {
		service.IsLocalEmulator = true
	}
	connection := azureConnection()
	if connection != "" && service.AccountName == "" {
		// It names the account, and the endpoint too.
		return openAzureContainer(ctx, func(o *container.ClientOptions) (*container.Client, error) {
			return container.NewClientFromConnectionString(connection, t.Bucket, o)
		})
	}
	if service.AccountName == "" {
		return nil, fmt.Errorf("no storage account: want ?storage_account=, AZURE_STORAGE_ACCOUNT or AZURE_STORAGE_CONNECTION_STRING")
	}
	address, err := azureblob.NewServiceURL(service)
	if err != nil {
		return nil, err
	}
	u, err := url.JoinPath(string(address), t.Bucket)
	if err != nil {
		return nil, err
	}
	return openAzureContainer(ctx, func(o *container.ClientOptions) (*container.Client, error) {
		switch key := os.Getenv("AZURE_STORAGE_KEY"); {
		case key != "":
			credential, err := container.NewSharedKeyCredential(service.AccountName, key)
			if err != nil {
				return nil, fmt.Errorf("AZURE_STORAGE_KEY: want the account's key as Azure shows it, in base64") // the error may quote it
			}
			return container.NewClientWithSharedKeyCredential(u, credential, o)
		case service.SASToken != "": // it is in the URL
			return container.NewClientWithNoCredential(u, o)
		case connection != "":
			return container.NewClientFromConnectionString(connection, t.Bucket, o)
		}
		credential, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return nil, fmt.Errorf("credentials: %w", err)
		}
		return container.NewClient(u, &azureCredentials{chain: credential}, o)
	})
}

// azureConnection is a connection string of the environment, under either of its names.
func azureConnection() string {
	if s := os.Getenv("AZURE_STORAGE_CONNECTION_STRING"); s != "" {
		return s
	}
	return os.Getenv("AZURE_STORAGEBLOB_CONNECTIONSTRING")
}

func openAzureContainer(ctx context.Context, client func(*container.ClientOptions) (*container.Client, error)) (*blob.Bucket, error) {
	options := &container.ClientOptions{}
	options.Transport = &http.Client{Transport: transport()}
	options.Retry = policy.RetryOptions{MaxRetries: -1} // one attempt, as with S3
	c, err := client(options)
	if err != nil {
		return nil, err
	}
	return azureblob.OpenBucket(ctx, c, nil)
}
