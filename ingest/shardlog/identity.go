package shardlog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
)

// identity is a message in the stream of settings, in a commit's envelope: JSON, an object. It is never changed.
type identity struct {
	Log string `json:"log"`
}

// Identity is what tells this log from all others, "" while it has been given none.
func (c *Cluster) Identity(ctx context.Context) (string, error) {
	s, err := c.link.wait(ctx)
	if err != nil {
		return "", err
	}
	m, err := s.lastOf(ctx, settingsStream, identitySubject)
	if err != nil {
		return "", fmt.Errorf("identity of the log: %w", err)
	}
	if m == nil {
		return "", nil
	}
	data, err := decodeCommit(m.Data)
	if err != nil {
		return "", fmt.Errorf("identity of the log: %w", err)
	}
	var id identity
	if err := json.Unmarshal(data, &id); err != nil {
		return "", fmt.Errorf("identity of the log: %w", err)
	}
	if id.Log == "" {
		return "", errors.New("identity of the log: it is empty")
	}
	return id.Log, nil
}

// Identify gives the log an identity if it has none, and returns the one that it has then: another process may have been first.
func (c *Cluster) Identify(ctx context.Context, id string) (string, error) {
	data, err := json.Marshal(identity{Log: id})
	if err != nil {
		return "", err
	}
	b, err := encodeCommit(0, data)
	if err != nil {
		return "", err
	}
	s, err := c.link.wait(ctx)
	if err != nil {
		return "", err
	}
	if _, err := s.publishAfter(ctx, settingsStream, identitySubject, 0, b); err != nil && !isWrongLast(err) {
		return "", fmt.Errorf("give the log an identity: %w", err)
	}
	have, err := c.Identity(ctx)
	if err == nil && have == "" {
		err = errors.New("give the log an identity: another process is doing so")
	}
	return have, err
}

// Committed says whether anything has ever been committed to this log.
func (c *Cluster) Committed(ctx context.Context) (bool, error) {
	s, err := c.link.wait(ctx)
	if err != nil {
		return false, err
	}
	info, err := s.info(ctx, s.pubJS, commitsStream)
	if err != nil {
		return false, fmt.Errorf("state of the commits: %w", err)
	}
	return info.State.LastSeq > 0, nil
}
