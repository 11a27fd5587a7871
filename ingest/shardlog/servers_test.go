package shardlog

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestServersValidate: what is wrong is named by its key, and credentials are not printed.
func TestServersValidate(t *testing.T) {
	for name, c := range map[string]struct {
		servers Servers
		want    string // empty: nothing is wrong
	}{
		"none":              {DefaultServers(), ""},
		"three":             {Servers{URLs: []string{"nats://a:4222", "tls://b:4222"}, Replicas: 3}, ""},
		"no scheme":         {Servers{URLs: []string{"a:4222"}, Replicas: 3}, "urls:"},
		"http":              {Servers{URLs: []string{"http://a"}, Replicas: 3}, "urls:"},
		"password in url":   {Servers{URLs: []string{"nats://me:secret@a:4222"}, Replicas: 3}, "urls:"},
		"two replicas":      {Servers{URLs: []string{"nats://a"}, Replicas: 2}, "replicas: 2"},
		"user alone":        {Servers{Replicas: 1, User: "me"}, "user:"},
		"creds and user":    {Servers{Replicas: 1, User: "me", PasswordFile: "p", CredsFile: "c"}, "creds_file:"},
		"certificate alone": {Servers{Replicas: 1, TLS: &ServersTLS{CertFile: "c"}}, "tls.cert_file:"},
	} {
		t.Run(name, func(t *testing.T) {
			err := errors.Join(c.servers.Validate()...)
			switch {
			case c.want == "" && err != nil:
				t.Error(err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("have %v, want %q in it", err, c.want)
			case err != nil && strings.Contains(err.Error(), "secret"):
				t.Errorf("a password is printed: %v", err)
			}
		})
	}
}

// TestMismatches: every field by which a stream would lose, refuse or misdirect messages is named with what it is; what a server fills in is no mismatch.
func TestMismatches(t *testing.T) {
	cfg := Config{Servers: Servers{Replicas: 3}, Shards: 1, LogBytesMax: 1 << 30, LeaseTTL: 6 * time.Second}
	streams := clusterStreams(cfg)
	for _, want := range streams {
		have := want
		have.MaxMsgs, have.MaxMsgSize = -1, -1
		if have.MaxMsgsPerSubject == 0 {
			have.MaxMsgsPerSubject = -1
		}
		if wrong := mismatches(have, want); len(wrong) > 0 {
			t.Errorf("%s: %v", want.Name, wrong)
		}
	}
	for want, change := range map[string]func(c *jetstream.StreamConfig){
		"storage is memory":        func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage },
		"discard is ":              func(c *jetstream.StreamConfig) { c.Discard = jetstream.DiscardOld },
		"retention is ":            func(c *jetstream.StreamConfig) { c.Retention = jetstream.InterestPolicy },
		"replicas is 1, want 3":    func(c *jetstream.StreamConfig) { c.Replicas = 1 },
		"subjects are":             func(c *jetstream.StreamConfig) { c.Subjects = []string{"other"} },
		"max_age is 1h0m0s":        func(c *jetstream.StreamConfig) { c.MaxAge = time.Hour },
		"max_msgs is 10":           func(c *jetstream.StreamConfig) { c.MaxMsgs = 10 },
		"max_msg_size is 1024":     func(c *jetstream.StreamConfig) { c.MaxMsgSize = 1024 },
		"max_bytes is 1000":        func(c *jetstream.StreamConfig) { c.MaxBytes = 1000 },
		"deny_purge is set":        func(c *jetstream.StreamConfig) { c.DenyPurge = true },
		"max_msgs_per_subject is ": func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject = 5 },
	} {
		have := streams[0]
		change(&have)
		if wrong := strings.Join(mismatches(have, streams[0]), "; "); !strings.Contains(strings.ToLower(wrong), want) {
			t.Errorf("have %q, want %q in it", wrong, want)
		}
	}
}
