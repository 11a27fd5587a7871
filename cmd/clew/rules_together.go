package main

import (
	"context"
	"fmt"
	"os"

	"github.com/nats-io/nats.go/jetstream"

	"clew/ingest/shardlog"
	"clew/query/alert/manager"
	"clew/query/alert/shared"
)

// leasesOfRules is the first number of alerting's leases: from there on none is a shard's.
const leasesOfRules = shardlog.OtherLeases

// sharedLog is a log that other processes use too, on servers that keep more than the log.
type sharedLog interface {
	shardlog.Leases
	// JetStream is the connection for small requests, and how many servers keep each stream.
	JetStream() (js jetstream.JetStream, replicas int, err error)
}

// together is what alerting shares with the other processes of a cluster.
type together struct {
	store  *shared.Store
	states *shared.States
	rules  *shared.Leases // groups are spread over them
	pages  *shared.Leases // of the embedded Alertmanager: the one that notifies
}

// openTogether opens what is shared; nil: the log is this process's own, and so are its rules.
func (p *process) openTogether(ctx context.Context) (*together, error) {
	log, ok := any(p.log).(sharedLog)
	if !ok {
		return nil, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name of this process: %w", err)
	}
	name := host + " " + p.cfg.HTTP // for people: what is asked of a lease does not depend on it
	js, replicas, err := log.JetStream()
	if err != nil {
		return nil, err
	}
	t := &together{}
	if t.store, err = shared.Open(ctx, js, replicas); err != nil {
		return nil, err
	}
	if t.states, err = shared.NewStates(t.store); err != nil {
		return nil, err
	}
	if t.rules, err = shared.NewLeases(log, name, leasesOfRules, shared.LeasesMax); err != nil {
		return nil, err
	}
	t.pages, err = shared.NewLeases(log, name, leasesOfRules+shared.LeasesMax, 1)
	return t, err
}

// siblings are the other processes' Alertmanagers; nil: there are none.
func (t *together) siblings() *manager.Siblings {
	if t == nil {
		return nil
	}
	return &manager.Siblings{Store: t.store, Leases: t.pages}
}
