// Package audit keeps the record of who did what: one JSON object a line, in files of bounded size, the newest in audit.jsonl.
//
// What was done is on the disk when it has been answered. What was refused is written without waiting for the disk: anybody can be refused, as often as he likes.
package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"

	"clew/internal/access"
)

// Log is an audit log. It is safe for concurrent use.
type Log struct {
	dir     string
	logger  *slog.Logger
	written *prometheus.CounterVec
	max     int64 // fileBytesMax, but in tests

	reading sync.Mutex // taken before mu, by who reads

	saying sync.Mutex // guards also: a reader of it that is slow does not keep events from the disk
	also   io.Writer

	mu      sync.Mutex
	file    *os.File
	size    int64
	failing bool
}

// Open opens the log in dir, which is made if it is not there. Close it.
func Open(dir string, logger *slog.Logger, reg prometheus.Registerer) (*Log, error) {
	l := &Log{dir: dir, logger: logger, max: fileBytesMax, written: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "clew_audit_events_total", Help: "Events of the audit log, by whether they were written; not_said: to standard output.",
	}, []string{"result"})}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	if err := l.open(); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	for _, result := range []string{"written", "failed", "not_said"} {
		l.written.WithLabelValues(result)
	}
	return l, reg.Register(l.written)
}

// Also says each event from now on to w too, a line each, after it was written: standard output, for what collects it elsewhere. Nil: to nobody.
func (l *Log) Also(w io.Writer) {
	l.saying.Lock()
	defer l.saying.Unlock()
	l.also = w
}

func (l *Log) say(line []byte) {
	l.saying.Lock()
	defer l.saying.Unlock()
	if l.also == nil {
		return
	}
	if _, err := l.also.Write(line); err != nil {
		l.written.WithLabelValues("not_said").Inc() // it is in the file
	}
}

func (l *Log) name(i int) string {
	if i == 0 {
		return filepath.Join(l.dir, "audit.jsonl")
	}
	return filepath.Join(l.dir, fmt.Sprintf("audit.%d.jsonl", i))
}

// open opens the newest file. A line that a crash has cut is ended, so that it stays the only one that cannot be read.
func (l *Log) open() error {
	f, err := os.OpenFile(l.name(0), os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return err
	}
	l.file, l.size = f, info.Size()
	last := []byte{'\n'}
	if l.size > 0 {
		if _, err := f.ReadAt(last, l.size-1); err != nil {
			f.Close()
			return err
		}
	}
	if last[0] != '\n' {
		if _, err := f.WriteString("\n"); err != nil {
			f.Close()
			return err
		}
		l.size++
	}
	return nil
}

// Record writes an event. An event that cannot be written is counted, and goes to clew's log: what was done has been done.
func (l *Log) Record(e access.Event) {
	for _, text := range []*string{&e.Who, &e.What, &e.Query, &e.Detail, &e.Address, &e.Tenant} {
		*text = cut(*text)
	}
	line, err := json.Marshal(e)
	if err == nil {
		line = append(line, '\n')
		err = l.write(line, e.Allowed)
		l.say(line)
	}
	l.mu.Lock()
	first := err != nil && !l.failing
	l.failing = err != nil
	l.mu.Unlock()
	if err == nil {
		l.written.WithLabelValues("written").Inc()
		return
	}
	l.written.WithLabelValues("failed").Inc()
	if first {
		l.logger.Error("the audit log cannot be written", "error", err)
	}
	if e.Allowed {
		l.logger.Warn("not in the audit log", "event", strings.TrimSpace(string(line)))
	}
}

func (l *Log) write(line []byte, sync bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		if err := l.open(); err != nil {
			return err
		}
	}
	if l.size+int64(len(line)) > l.max {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	n, err := l.file.Write(line)
	l.size += int64(n)
	if err == nil && sync {
		err = l.file.Sync()
	}
	return err
}

// rotate moves each file one on; the oldest goes.
func (l *Log) rotate() error {
	err := l.file.Close()
	l.file = nil
	if err != nil {
		return err
	}
	for i := filesMax - 2; i >= 0; i-- {
		if err := os.Rename(l.name(i), l.name(i+1)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return l.open()
}

// Close closes the log.
func (l *Log) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file == nil {
		return nil
	}
	return l.file.Close()
}

// cut bounds a text that came from outside.
func cut(text string) string {
	if len(text) <= textBytesMax {
		return text
	}
	text = text[:textBytesMax]
	for !utf8.ValidString(text) && len(text) > textBytesMax-utf8.UTFMax {
		text = text[:len(text)-1]
	}
	return text + "..."
}
