package bucket

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"clew/index/store"
)

// Target is what the URL of a store names.
type Target struct {
	Scheme string // s3, gs, azblob
	Bucket string // azblob: the container
	Prefix string // of every object's name, without slashes around it; may be empty
	params url.Values
}

// parameters are what a URL may say, by scheme. Credentials are not among them: a URL is seen in logs, in `ps` and in files.
var parameters = map[string][]string{
	"s3":     {"endpoint", "region", "path_style"},
	"gs":     {"anonymous"},
	"azblob": {"storage_account", "domain", "protocol", "localemu"},
}

// ParseURL reads scheme://bucket/prefix?parameters.
func ParseURL(s string) (Target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Target{}, fmt.Errorf("store URL: want scheme://bucket/prefix") // the parser's error quotes the URL, which may hold a password
	}
	t := Target{Scheme: u.Scheme, Bucket: u.Host, Prefix: strings.Trim(u.Path, "/"), params: u.Query()}
	allowed, known := parameters[u.Scheme]
	switch {
	case !known:
		return t, fmt.Errorf("store URL: scheme %q: want s3, gs or azblob", u.Scheme)
	case u.User != nil:
		return t, fmt.Errorf("store URL: credentials don't belong into a URL; they come from the environment (docs/operate.md)")
	case t.Bucket == "" || u.Port() != "":
		return t, fmt.Errorf("store URL: want %s://bucket/prefix", u.Scheme)
	case t.checkBucket() != nil:
		return t, fmt.Errorf("store URL: %w", t.checkBucket())
	case u.Fragment != "":
		return t, fmt.Errorf("store URL: fragment %q: there is no such thing", u.Fragment)
	}
	if t.Prefix != "" {
		if err := store.CheckName(t.Prefix); err != nil {
			return t, fmt.Errorf("store URL: prefix: %w", err)
		}
	}
	for key, values := range t.params {
		switch {
		case !slices.Contains(allowed, key):
			return t, fmt.Errorf("store URL: parameter %q: %s knows %s", key, u.Scheme, strings.Join(allowed, ", "))
		case len(values) != 1 || values[0] == "":
			return t, fmt.Errorf("store URL: parameter %q: want one value", key)
		}
	}
	return t, t.checkParameters()
}

// bucketNames are what names of buckets look like, by scheme. What the store would refuse is said before anything is started, with what would be right.
var bucketNames = map[string]struct {
	like *regexp.Regexp
	want string
}{
	"s3":     {regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`), "3 to 63 lower-case letters, digits, '.' and '-', beginning and ending with a letter or digit"},
	"gs":     {regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]$`), "3 to 222 lower-case letters, digits, '.', '_' and '-', beginning and ending with a letter or digit"},
	"azblob": {regexp.MustCompile(`^[a-z0-9](-?[a-z0-9]){2,62}$`), "3 to 63 lower-case letters, digits and single '-', beginning and ending with a letter or digit"},
}

func (t Target) checkBucket() error {
	names := bucketNames[t.Scheme]
	if t.params.Has("endpoint") && anyBucketName.MatchString(t.Bucket) {
		return nil // a store that is not Amazon's, which may take what Amazon does not
	}
	if !names.like.MatchString(t.Bucket) || strings.Contains(t.Bucket, "..") || len(t.Bucket) > 63 && t.Scheme == "azblob" {
		return fmt.Errorf("%q can be no bucket's name: want %s", t.Bucket, names.want)
	}
	return nil
}

var anyBucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$`)

func (t Target) checkParameters() error {
	for _, key := range []string{"path_style", "anonymous", "localemu"} {
		if v := t.params.Get(key); v != "" {
			if _, err := strconv.ParseBool(v); err != nil {
				return fmt.Errorf("store URL: parameter %s=%s: want true or false", key, v)
			}
		}
	}
	if v := t.params.Get("endpoint"); v != "" {
		e, err := url.Parse(v)
		if err != nil || e.Host == "" || e.User != nil || e.Scheme != "http" && e.Scheme != "https" {
			return fmt.Errorf("store URL: parameter endpoint: want http(s)://host:port")
		}
	}
	return nil
}

func (t Target) flag(key string) bool {
	v, _ := strconv.ParseBool(t.params.Get(key)) // checked before
	return v
}

// Place is where the objects are, whatever it takes to reach them: the URL without its parameters.
func (t Target) Place() string {
	t.params = nil
	return t.String()
}

// String is the URL again. It holds no secrets: ParseURL takes none.
func (t Target) String() string {
	s := t.Scheme + "://" + t.Bucket
	if t.Prefix != "" {
		s += "/" + t.Prefix
	}
	if len(t.params) > 0 {
		s += "?" + t.params.Encode()
	}
	return s
}
