package main

import (
	"strings"
	"testing"

	"clew/ingest/members"
	"clew/query/api"
)

func TestOwnerless(t *testing.T) {
	all := []members.Member{{Shards: []members.Shard{{Shard: 0}, {Shard: 2}}}, {Shards: []members.Shard{{Shard: 2}, {Shard: 9}}}}
	if n := ownerless(all, 4); n != 2 {
		t.Errorf("%d of 4 shards are nobody's, want 2", n)
	}
}

// What is said of shards without an owner depends on what this process can know of the others.
func TestWhyUnowned(t *testing.T) {
	shards := []api.ClusterShard{{Shard: 0, Owner: "a"}, {Shard: 1}, {Shard: 3}}
	ingest := api.ClusterMember{Roles: []string{roleIngest}}
	for want, c := range map[string]*api.Cluster{
		"does not reach NATS:":             {Known: true, Disconnected: true, List: shards, Members: []api.ClusterMember{ingest}},
		"has just started":                 {List: shards},
		"No process with the role ingest":  {Known: true, List: shards, Members: []api.ClusterMember{{Roles: []string{roleQuery}}}},
		"1 processes with the role ingest": {Known: true, List: shards, Members: []api.ClusterMember{ingest}, LeaseSeconds: 6},
	} {
		if why := whyUnowned(c); !strings.Contains(why, want) || !strings.Contains(why, "shards 1, 3.") {
			t.Errorf("have %q, want %q in it", why, want)
		}
	}
	if why := whyUnowned(&api.Cluster{Known: true, List: shards[:1]}); why != "" {
		t.Errorf("all have owners: %q", why)
	}
}
