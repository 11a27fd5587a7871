package shardlog

import "github.com/nats-io/nats.go/jetstream"

// JetStream is the connection for small requests, and how many servers keep each stream: for what else the processes of a cluster share on the same servers. It ends with the log.
func (c *Cluster) JetStream() (js jetstream.JetStream, replicas int, err error) {
	s, err := c.link.get()
	if err != nil {
		return nil, 0, err
	}
	return s.pubJS, c.cfg.Servers.Replicas, nil
}
