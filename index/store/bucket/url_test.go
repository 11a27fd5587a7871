package bucket

import (
	"context"
	"strings"
	"testing"
)

func TestParseURL(t *testing.T) {
	for in, want := range map[string]string{
		"s3://buck":  "s3://buck",
		"s3://buck/": "s3://buck",
		"s3://buck/some/prefix/?region=eu-north-1":                    "s3://buck/some/prefix?region=eu-north-1",
		"s3://buck/p?endpoint=http://127.0.0.1:9000&path_style=false": "s3://buck/p?endpoint=http%3A%2F%2F127.0.0.1%3A9000&path_style=false",
		"gs://buck/p":                                  "gs://buck/p",
		"azblob://container/p?storage_account=a":       "azblob://container/p?storage_account=a",
		"s3://Our_Bucket/p?endpoint=http://minio:9000": "s3://Our_Bucket/p?endpoint=http%3A%2F%2Fminio%3A9000",
		"gs://our_bucket":                              "gs://our_bucket",
	} {
		target, err := ParseURL(in)
		if err != nil || target.String() != want {
			t.Errorf("ParseURL(%q) = %q, %v; want %q", in, target, err, want)
		}
	}
	for in, want := range map[string]string{
		"":                                       "scheme",
		"/some/dir":                              "scheme",
		"http://b":                               "scheme",
		"s3:///prefix":                           "bucket",
		"s3://buck:9000/p":                       "bucket",
		"s3://buck/../c":                         "prefix",
		"s3://buck/p?regoin=x":                   "endpoint, region, path_style",
		"s3://buck/p?region=":                    "one value",
		"s3://buck/p?path_style=maybe":           "true or false",
		"s3://buck/p?endpoint=localhost":         "http(s)",
		"s3://buck/p?endpoint=http://k:SECRET@h": "http(s)",
		"s3://KEY:SECRET@b/p":                    "environment",
		"s3://buck/p?secret_key=SECRET":          "secret_key",
		"gs://buck/p?region=x":                   "anonymous",
		"s3://buck/p#x":                          "fragment",
		"s3://b:SECRET@%zz":                      "want scheme",
		"s3://Our_Bucket/p":                      "lower-case",
		"s3://ab":                                "3 to 63",
		"s3://a..b":                              "can be no bucket's name",
		"gs://-ab":                               "beginning and ending with",
		"azblob://a--b":                          "single '-'",
		"azblob://with.dot":                      "can be no bucket's name",
	} {
		_, err := ParseURL(in)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseURL(%q): %v; want an error about %q", in, err, want)
		}
		if err != nil && strings.Contains(err.Error(), "SECRET") {
			t.Errorf("ParseURL(%q) tells a secret: %v", in, err)
		}
	}
}

// Opening asks nobody, and says what is missing.
func TestOpen(t *testing.T) {
	for _, key := range []string{"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "STORAGE_EMULATOR_HOST", "AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_CONNECTION_STRING"} {
		t.Setenv(key, "")
	}
	t.Setenv("AWS_CONFIG_FILE", "/nonexistent")
	t.Setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent")
	t.Setenv("AZURE_STORAGE_KEY", "c2VjcmV0")
	for in, want := range map[string]string{
		"s3://buck":                               "region",
		"s3://buck?region=eu-north-1":             "",
		"s3://buck?endpoint=http://127.0.0.1:1":   "",
		"gs://buck":                               "credentials",
		"gs://buck?anonymous=true":                "",
		"azblob://buck":                           "",
		"azblob://buck?storage_account=telemetry": "",
		"file:///tmp":                             "scheme",
	} {
		st, err := Open(context.Background(), in)
		if in == "azblob://buck" && err == nil {
			t.Errorf("Open(%q): no account and no error", in)
		}
		if in == "azblob://buck" {
			continue
		}
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): %v; want %q", in, err, want)
		}
		if err == nil {
			st.Close()
		}
	}
}
