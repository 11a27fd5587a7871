package bucket

import (
	"testing"

	"clew/index/store"
	"clew/index/store/storetest"
	"clew/internal/cloudtest"
	"clew/internal/s3test"
)

// cloud is a real server of one of the protocols, and how to reach it.
type cloud struct {
	name  string
	start func(t *testing.T) server
	// set makes this process' environment reach the server through an address, and wrong makes its credentials wrong (nil: it asks for none).
	set   func(t *testing.T, address string)
	wrong func(t *testing.T)
	url   func(address, bucket, prefix string) string
}

// server can be killed and started again.
type server interface {
	Kill()
	Restart(t testing.TB)
}

func addressOf(s server) string {
	if g, ok := s.(*s3test.Gateway); ok {
		return g.Address
	}
	return s.(*cloudtest.Server).Address
}

var clouds = []cloud{
	{
		name:  "s3",
		start: func(t *testing.T) server { return s3test.Start(t) },
		set:   func(t *testing.T, _ string) { s3test.SetEnvironment(t) },
		wrong: func(t *testing.T) { t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong") },
		url: func(address, bucket, prefix string) string {
			return "s3://" + bucket + "/" + prefix + "?region=us-east-1&endpoint=http://" + address
		},
	},
	{
		name:  "gs",
		start: func(t *testing.T) server { return cloudtest.StartGCS(t) },
		set:   func(t *testing.T, address string) { cloudtest.SetGCS(t, address) },
		url:   func(_, bucket, prefix string) string { return cloudtest.GCSURL(bucket, prefix) },
	},
	{
		name:  "azblob",
		start: func(t *testing.T) server { return cloudtest.StartAzure(t) },
		set:   func(t *testing.T, _ string) { cloudtest.SetAzure(t) },
		wrong: func(t *testing.T) { t.Setenv("AZURE_STORAGE_KEY", "d3Jvbmc=") },
		url:   cloudtest.AzureURL,
	},
}

// open opens a store of its own at an address.
func (c cloud) open(t *testing.T, address string) *Store {
	t.Helper()
	c.set(t, address)
	return c.openURL(t, c.url(address, cloudtest.Bucket, prefix()))
}

func (c cloud) openURL(t *testing.T, url string) *Store {
	t.Helper()
	st, err := Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { st.Close() })
	return st
}

func TestContract(t *testing.T) {
	for _, c := range clouds {
		t.Run(c.name, func(t *testing.T) {
			address := addressOf(c.start(t))
			storetest.RunContract(t, func(t *testing.T) store.Store { return c.open(t, address) })
		})
	}
}
