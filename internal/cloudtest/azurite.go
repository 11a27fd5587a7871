package cloudtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/storage/azblob"
)

// The account that Azurite has, with the key that everybody knows.
const (
	AzureAccount = "devstoreaccount1"
	AzureKey     = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)

// StartAzure runs a server of Azure's protocol until the test ends. Without Node or Azurite the test is skipped.
func StartAzure(t testing.TB) *Server {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(here), "node_modules/azurite/dist/src/blob/main.js")
	node, err := exec.LookPath("node")
	if err == nil {
		_, err = os.Stat(script)
	}
	if err != nil {
		t.Skipf("no Azure Blob Storage to test against (make deps installs Azurite, which needs Node): %v", err)
	}
	dir := t.TempDir()
	s := start(t, func(host, port string) []string {
		// A released Azurite knows fewer versions of the protocol than a client of the same month asks for.
		return []string{node, script, "--blobHost", host, "--blobPort", port, "--location", dir, "--silent", "--skipApiVersionCheck", "--disableTelemetry"}
	})
	credential, err := azblob.NewSharedKeyCredential(AzureAccount, AzureKey)
	if err != nil {
		t.Fatal(err)
	}
	client, err := azblob.NewClientWithSharedKeyCredential("http://"+s.Address+"/"+AzureAccount, credential, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.CreateContainer(t.Context(), Bucket, nil); err != nil {
		t.Fatalf("create container %s: %v", Bucket, err)
	}
	return s
}

// SetAzure gives Azure's clients in this process the account until the test ends.
func SetAzure(t testing.TB) {
	for _, other := range []string{"AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGEBLOB_CONNECTIONSTRING", "AZURE_STORAGE_SAS_TOKEN"} {
		t.Setenv(other, "")
	}
	t.Setenv("AZURE_STORAGE_ACCOUNT", AzureAccount)
	t.Setenv("AZURE_STORAGE_KEY", AzureKey)
}

// AzureURL is a store's URL, as seen through an address.
func AzureURL(address, container, prefix string) string {
	return "azblob://" + container + "/" + prefix + "?localemu=true&protocol=http&domain=" + address
}
