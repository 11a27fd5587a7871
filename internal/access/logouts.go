package access

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// logouts remembers the sessions that were ended before their time, on the disk: a session that somebody has copied must stay worthless when clew starts again.
// It holds at most loggedOutMax. Where more come, the sessions that began first are no longer remembered one by one: every session that began as early is
// over, also one that nobody has ended. Whoever it was of logs in again; forgetting a logout instead would let a stolen session live.
//
// The file has one line per session, "id begun expires" (nanoseconds and seconds since 1970; an id is no credential), and "- begun 0" for the bar below which
// all are over. It is appended to, and written anew when most of it is of sessions that have expired. It is safe for concurrent use.
type logouts struct {
	file string

	writing sync.Mutex // guards the file; taken before mu
	lines   int        // of the file

	mu  sync.Mutex
	of  map[string]ending
	bar int64 // sessions that began then or earlier are over; nanoseconds since 1970
}

type ending struct {
	begun   int64 // nanoseconds since 1970
	expires int64 // seconds since 1970
}

const barMark = "-"

// openLogouts reads what was remembered. A line that cannot be read was cut by a crash, before its logout was answered.
func openLogouts(data string, now time.Time) (*logouts, error) {
	l := &logouts{file: filepath.Join(data, "access", "logouts"), of: map[string]ending{}}
	if err := os.MkdirAll(filepath.Dir(l.file), 0o700); err != nil {
		return nil, fmt.Errorf("sessions that were ended: %w", err)
	}
	text, err := os.ReadFile(l.file)
	if errors.Is(err, fs.ErrNotExist) {
		return l, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sessions that were ended: %w", err)
	}
	for sc := bufio.NewScanner(bytes.NewReader(text)); sc.Scan(); {
		var id string
		var e ending
		if n, err := fmt.Sscanf(sc.Text(), "%s %d %d", &id, &e.begun, &e.expires); n != 3 || err != nil {
			continue
		}
		if id == barMark {
			l.bar = max(l.bar, e.begun)
			continue
		}
		l.of[id] = e
	}
	l.trim(now)
	if err := l.rewrite(); err != nil {
		return nil, fmt.Errorf("sessions that were ended: %w", err)
	}
	return l, nil
}

// over says whether a session was ended.
func (l *logouts) over(s *Session) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, ended := l.of[s.ID]
	return ended || l.bar > 0 && s.Begun <= l.bar // sessions of clews that did not say when they began are as old as can be
}

// end ends a session. It is over when end returns, and stays so over a restart unless there is an error.
func (l *logouts) end(s *Session, now time.Time) error {
	l.writing.Lock()
	defer l.writing.Unlock()
	l.mu.Lock()
	l.of[s.ID] = ending{s.Begun, s.Expires}
	raised := l.trim(now)
	few := len(l.of)
	l.mu.Unlock()
	if raised || l.lines >= 2*few+logoutLinesFree {
		return l.rewrite()
	}
	err := l.append(fmt.Sprintf("%s %d %d\n", s.ID, s.Begun, s.Expires))
	if err == nil {
		l.lines++
	}
	return err
}

// trim forgets sessions that have expired, and where there are still too many raises the bar over the older half.
func (l *logouts) trim(now time.Time) (raised bool) {
	for id, e := range l.of {
		if e.expires <= now.Unix() {
			delete(l.of, id)
		}
	}
	if len(l.of) <= loggedOutMax {
		return false
	}
	begins := make([]int64, 0, len(l.of))
	for _, e := range l.of {
		begins = append(begins, e.begun)
	}
	slices.Sort(begins)
	l.bar = max(l.bar, begins[len(begins)/2])
	for id, e := range l.of {
		if e.begun <= l.bar {
			delete(l.of, id)
		}
	}
	return true
}

func (l *logouts) append(line string) error {
	f, err := os.OpenFile(l.file, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer f.Close() // what counts is Sync
	if _, err := f.WriteString(line); err != nil {
		return err
	}
	return f.Sync()
}

// rewrite writes the file anew: beside the former one, which it replaces when it is whole.
func (l *logouts) rewrite() error {
	var text bytes.Buffer
	l.mu.Lock()
	fmt.Fprintf(&text, "%s %d 0\n", barMark, l.bar)
	for id, e := range l.of {
		fmt.Fprintf(&text, "%s %d %d\n", id, e.begun, e.expires)
	}
	lines := len(l.of) + 1
	l.mu.Unlock()
	if err := replaceFile(l.file, text.Bytes()); err != nil {
		return err
	}
	l.lines = lines
	return nil
}

// replaceFile writes a file such that after a crash there is the former one or this one, whole.
func replaceFile(file string, text []byte) error {
	f, err := os.OpenFile(file+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(file+".new", file); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
