// Package journal keeps small state that must outlive the process: a file to which entries are appended, each fsynced before it counts, and which is replaced by
// what is left of them once it has grown.
//
// The file begins with a line that names its version; an entry is its length and its CRC-32C (four bytes each, little-endian) and its bytes. What a crash has
// torn off at the end, or damaged, is moved aside when the file is opened, and what stands before it is read: state is never given up for one bad byte, and bytes are
// never deleted.
package journal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

const (
	header    = "clew journal 1\n"
	frameHead = 8
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// VersionError is a journal of another version. It is not touched.
type VersionError struct{ File, Header string }

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s: begins with %q: this clew reads %q", e.File, e.Header, header)
}

// Journal is an open journal. Its methods may be called concurrently.
type Journal struct {
	path string

	mu     sync.Mutex
	file   *os.File
	size   int64 // up to where it is whole and durable
	floor  int64 // its size when it was last replaced
	failed bool  // an entry is missing from it
}

// Open reads the entries of a journal in order, or begins one. read must not keep what it is given. aside is how many bytes at the end could not be read; they are in
// the file's namesake with .damaged at its end.
func Open(path string, read func(entry []byte)) (j *Journal, aside int64, err error) {
	data, err := os.ReadFile(filepath.Clean(path))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("open journal: %w", err)
	}
	whole := int64(0)
	if len(data) > 0 {
		if whole, err = scan(path, data, read); err != nil {
			return nil, 0, err
		}
	}
	if rest := data[whole:]; len(rest) > 0 {
		if err := setAside(path, rest); err != nil {
			return nil, 0, fmt.Errorf("open journal %s: %w", path, err)
		}
	}
	j = &Journal{path: path}
	if err := j.begin(whole); err != nil {
		return nil, 0, fmt.Errorf("open journal %s: %w", path, err)
	}
	return j, int64(len(data)) - whole, nil
}

// scan reads entries and says up to where they are whole.
func scan(path string, data []byte, read func([]byte)) (whole int64, err error) {
	if len(data) < len(header) && bytes.HasPrefix([]byte(header), data) {
		return 0, nil // torn when it was begun
	}
	if !bytes.HasPrefix(data, []byte(header)) {
		if line, _, found := bytes.Cut(data[:min(len(data), 64)], []byte("\n")); found && bytes.HasPrefix(line, []byte("clew journal ")) {
			return 0, &VersionError{File: path, Header: string(line)}
		}
		return 0, nil
	}
	at := len(header)
	for len(data)-at >= frameHead {
		n, sum := int64(binary.LittleEndian.Uint32(data[at:])), binary.LittleEndian.Uint32(data[at+4:])
		if n > int64(len(data)-at-frameHead) {
			break
		}
		entry := data[at+frameHead : at+frameHead+int(n)]
		if crc32.Checksum(entry, castagnoli) != sum {
			break
		}
		read(entry)
		at += frameHead + int(n)
	}
	return int64(at), nil
}

func setAside(path string, rest []byte) error {
	f, err := os.OpenFile(path+".damaged", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(rest)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// begin opens the file for appending after whole, the bytes that can be read.
func (j *Journal) begin(whole int64) error {
	f, err := os.OpenFile(j.path, os.O_CREATE|os.O_RDWR, 0o640)
	if err != nil {
		return err
	}
	if err = f.Truncate(whole); err == nil && whole == 0 {
		_, err = f.WriteAt([]byte(header), 0)
		whole = int64(len(header))
	}
	if err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = syncDir(filepath.Dir(j.path))
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	j.file, j.size, j.floor = f, whole, int64(len(header))
	return nil
}

// Append adds entries. They are durable once it returns without an error; with one, none of them is there, and Due says so until the journal is replaced.
func (j *Journal) Append(entries ...[]byte) error {
	if len(entries) == 0 {
		return nil
	}
	frames := appendFrames(nil, entries)
	j.mu.Lock()
	defer j.mu.Unlock()
	_, err := j.file.WriteAt(frames, j.size)
	if err == nil {
		err = j.file.Sync()
	}
	if err != nil {
		j.failed = true
		// What was written of it would be read at the next start. Should this fail too, the next entry overwrites it.
		return fmt.Errorf("append to journal %s: %w", j.path, errors.Join(err, j.file.Truncate(j.size)))
	}
	j.size += int64(len(frames))
	return nil
}

func appendFrames(to []byte, entries [][]byte) []byte {
	for _, e := range entries {
		to = binary.LittleEndian.AppendUint32(to, uint32(len(e)))
		to = binary.LittleEndian.AppendUint32(to, crc32.Checksum(e, castagnoli))
		to = append(to, e...)
	}
	return to
}

// Due says whether it is time to Replace: the journal has outgrown what was left of it the last time, or an entry could not be appended.
func (j *Journal) Due() bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.failed || j.size > 2*j.floor+slackBytes
}

// Size is how many bytes the journal has.
func (j *Journal) Size() int64 {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.size
}

// Replace makes the entries that snapshot gives the whole journal, at once and durably. Nothing is appended meanwhile, so snapshot must not wait for who waits for an
// Append; what is noted before it is appended is in the snapshot, or follows it.
func (j *Journal) Replace(snapshot func() ([][]byte, error)) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	entries, err := snapshot()
	if err == nil {
		err = j.replace(appendFrames([]byte(header), entries))
	}
	if err != nil {
		return fmt.Errorf("replace journal %s: %w", j.path, err)
	}
	return nil
}

func (j *Journal) replace(data []byte) error {
	f, err := os.OpenFile(j.path+".new", os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o640)
	if err != nil {
		return err
	}
	if _, err = f.Write(data); err == nil {
		err = f.Sync()
	}
	if err == nil {
		err = os.Rename(j.path+".new", j.path)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	old := j.file
	j.file, j.size, j.floor, j.failed = f, int64(len(data)), int64(len(data)), false
	return errors.Join(syncDir(filepath.Dir(j.path)), old.Close())
}

// Close ends the use of the journal.
func (j *Journal) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.file.Close()
}

// syncDir makes names durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Reader gives the bytes of all entries in a row, for those who delimit them themselves.
func Reader(entries [][]byte) io.Reader { return bytes.NewReader(bytes.Join(entries, nil)) }
