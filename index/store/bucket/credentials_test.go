package bucket

import (
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"clew/index/store"
)

// metadataServer is one that takes connections, counts them, and answers nothing: what a machine that is none of the cloud's may meet.
func metadataServer(t *testing.T) (address string, asked *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	asked = new(atomic.Int64)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			asked.Add(1)
			t.Cleanup(func() { conn.Close() })
		}
	}()
	return listener.Addr().String(), asked
}

func withoutAWS(t *testing.T) {
	for _, key := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_EC2_METADATA_DISABLED", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI",
	} {
		t.Setenv(key, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
}

// A store without credentials says so, and what would be taken, instead of what the last place that was looked in said; and not every request looks anew.
func TestNoCredentials(t *testing.T) {
	withoutAWS(t)
	address, asked := metadataServer(t)
	t.Setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://"+address)
	for name, url := range map[string]string{
		"amazon": "s3://nobody-has-this?region=eu-north-1",
		"other":  "s3://telemetry?endpoint=http://127.0.0.1:1",
	} {
		t.Run(name, func(t *testing.T) {
			asked.Store(0)
			st, err := Open(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			defer st.Close()
			began := time.Now()
			var first int64
			for i := range 5 {
				_, err = st.List(t.Context(), "")
				var away *store.AwayError
				if !errors.As(err, &away) || away.Reason != store.AwayDenied || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") {
					t.Fatalf("%v; want away, denied, and what credentials are taken", err)
				}
				if i == 0 {
					first = asked.Load()
				}
			}
			if took := time.Since(began); took > seekAgainAfter {
				t.Errorf("five requests took %v: each looked for credentials", took)
			}
			if n := asked.Load(); n != first {
				t.Errorf("the metadata server was asked %d times, %d of them by the first request", n, first)
			}
			if name == "other" && first != 0 {
				t.Errorf("Amazon's metadata server was asked for another store's credentials")
			}
			if name == "amazon" && first == 0 {
				t.Errorf("Amazon's metadata server was not asked")
			}
		})
	}
}

// A name that can't be resolved is a store that is away. The library calls it "not found", and nothing of what is there must be taken for missing.
func TestAzureHostUnknown(t *testing.T) {
	t.Setenv("AZURE_STORAGE_KEY", "c2VjcmV0")
	st, err := Open(t.Context(), "azblob://telemetry?storage_account=ours&domain=blob.invalid")
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	_, size := st.Size(t.Context(), "a")
	_, list := st.List(t.Context(), "")
	for what, err := range map[string]error{"Size": size, "List": list, "ReadAt": st.ReadAt(t.Context(), "a", make([]byte, 1), 0), "Delete": st.Delete(t.Context(), "a")} {
		if !store.IsAway(err) || store.IsNotExist(err) {
			t.Errorf("%s: %v; want away", what, err)
		}
	}
}
