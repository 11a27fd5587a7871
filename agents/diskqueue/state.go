package diskqueue

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// state is what the lanes' logs do not say: who this agent is, how far each lane is done, and the counts. It is written whole, beside the old one, and put
// in its place; what has been queued since is counted again from the logs when the queue is opened.
type state struct {
	Version  int                  `json:"version"`
	Instance string               `json:"instance"`
	Host     string               `json:"host"`
	Lanes    map[string]laneState `json:"lanes"`
	Sources  []Source             `json:"sources"`
	Marks    []Mark               `json:"marks"` // oldest first
}

// laneState is where a lane stands.
type laneState struct {
	Done    uint64 `json:"done"`    // entries up to this index have left the queue
	Counted uint64 `json:"counted"` // entries up to this index are in the counts
	Seq     uint64 `json:"seq"`     // the last number given out
	Skips   []span `json:"skips"`   // numbers dropped behind one that was in flight, whose entries may still be in the log
	Gaps    []Gap  `json:"gaps"`
}

// span is the numbers from First to Last.
type span struct {
	First uint64 `json:"first"`
	Last  uint64 `json:"last"`
}

// Gap is a range of numbers that no collector will see (dropped), with the reason and how many records they stood for.
type Gap struct {
	First   uint64 `json:"first"`
	Last    uint64 `json:"last"`
	Records int    `json:"records"`
	Reason  string `json:"reason"`
}

const (
	stateVersion = 1
	stateFile    = "state.json"
)

// newInstance makes an id that no other agent has, in the letters that a source id may have.
func newInstance() string {
	var b [12]byte
	_, _ = rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// readState reads the state of dir. A queue that was never used has none: nil. A damaged one is an error.
func readState(dir string) (*state, error) {
	data, err := os.ReadFile(filepath.Join(dir, stateFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the queue's state: %w", err)
	}
	var sum uint32
	var body json.RawMessage
	if err := json.Unmarshal(data, &struct {
		Sum  *uint32          `json:"crc32c"`
		Body *json.RawMessage `json:"state"`
	}{&sum, &body}); err != nil {
		return nil, fmt.Errorf("damaged state of the queue: %w", err)
	}
	if crc32.Checksum(body, castagnoli) != sum {
		return nil, errors.New("damaged state of the queue: its checksum is another")
	}
	s := new(state)
	if err := json.Unmarshal(body, s); err != nil {
		return nil, fmt.Errorf("damaged state of the queue: %w", err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("state of the queue: format version %d, want %d", s.Version, stateVersion)
	}
	return s, nil
}

// write makes s durable.
func (s *state) write(dir string) error {
	body, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("encode the queue's state: %w", err)
	}
	data := fmt.Appendf(nil, `{"crc32c":%d,"state":%s}`, crc32.Checksum(body, castagnoli), body)
	name := filepath.Join(dir, stateFile)
	f, err := os.OpenFile(name+".new", os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("write the queue's state: %w", err)
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the queue's state: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("write the queue's state: %w", err)
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("sync %s: %w", dir, err)
	}
	return nil
}

// lock keeps a second agent out of the directory, for as long as the file is open.
func lock(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the queue: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the queue %s: is another agent running on it? %w", dir, err), f.Close())
	}
	return f, nil
}
