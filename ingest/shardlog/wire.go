package shardlog

import "github.com/nats-io/nats.go"

// Tell publishes to all processes that listen at the moment; nothing of it is kept. It is for what is said again soon (ingest/members).
func (c *Cluster) Tell(subject string, data []byte) error {
	s, err := c.link.get()
	if err != nil {
		return err
	}
	return s.pub.Publish(subject, data)
}

// Hear calls f with what is told under a subject, one message at a time, until stop is called or the log is closed.
func (c *Cluster) Hear(subject string, f func(data []byte)) (stop func(), err error) {
	s, err := c.link.get()
	if err != nil {
		return nil, err
	}
	sub, err := s.sub.Subscribe(subject, func(m *nats.Msg) { f(m.Data) })
	if err != nil {
		return nil, err
	}
	return func() { _ = sub.Unsubscribe() }, nil // fails when the connection is gone, and the subscription with it
}
