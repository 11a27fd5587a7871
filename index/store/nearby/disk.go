package nearby

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// disk holds blocks as files: root/<object's name>/.<block>-<object's size>. No element of an object's name begins with a dot, so a block is never in the way
// of an object. A file is a magic, a CRC-32C, the block's number, the object's size, and the bytes; the checksum is of the bytes, the two numbers and the name.
type disk struct {
	root string
	next atomic.Uint64 // names of temporary files
}

const (
	blockMagic  = "clewblk1"
	headerBytes = len(blockMagic) + 4 + 8 + 8
	temporary   = ".temp"
	// touchAfter is how old a file's time may be before reading it renews it: the order of hours is kept over a restart, at a call an hour.
	touchAfter = time.Hour
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errBlock = errors.New("block is not what was written")

// found is a block that is on disk.
type found struct {
	blockID
	size  int64 // of the object
	bytes int64
	read  time.Time
}

func (d *disk) path(id blockID, size int64) string {
	return filepath.Join(d.root, filepath.FromSlash(id.name), fmt.Sprintf(".%d-%d", id.block, size))
}

// load lists the blocks, least recently read first, and removes what was half written.
func (d *disk) load() ([]found, error) {
	if err := os.RemoveAll(filepath.Join(d.root, temporary)); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Join(d.root, temporary), 0o755); err != nil {
		return nil, err
	}
	var blocks []found
	err := filepath.WalkDir(d.root, func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(d.root, filepath.Dir(file))
		if err != nil {
			return err
		}
		block, size, ok := parseBlock(entry.Name())
		info, err := entry.Info()
		if err != nil || !ok {
			return err
		}
		blocks = append(blocks, found{blockID{filepath.ToSlash(name), block}, size, info.Size(), info.ModTime()})
		return nil
	})
	slices.SortFunc(blocks, func(a, b found) int { return a.read.Compare(b.read) })
	return blocks, err
}

func parseBlock(name string) (block, size int64, ok bool) {
	first, second, ok := strings.Cut(strings.TrimPrefix(name, "."), "-")
	if !ok || !strings.HasPrefix(name, ".") {
		return 0, 0, false
	}
	block, err1 := strconv.ParseInt(first, 10, 64)
	size, err2 := strconv.ParseInt(second, 10, 64)
	return block, size, err1 == nil && err2 == nil && block >= 0 && size >= 0
}

// read returns a block's bytes if they are what was written.
func (d *disk) read(id blockID, size int64) ([]byte, error) {
	f, err := os.Open(d.path(id, size))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	want := max(0, min(blockBytes, size-id.block*blockBytes))
	if info.Size() != int64(headerBytes)+want {
		return nil, errBlock
	}
	b := make([]byte, info.Size())
	if _, err := f.ReadAt(b, 0); err != nil {
		return nil, err
	}
	if now := time.Now(); now.Sub(info.ModTime()) > touchAfter {
		_ = os.Chtimes(f.Name(), now, now) // if it fails, it may go sooner
	}
	if !bytes.Equal(b[:headerBytes], header(id, size, crc32.Checksum(b[headerBytes:], castagnoli))) {
		return nil, errBlock
	}
	return b[headerBytes:], nil
}

func header(id blockID, size int64, crc uint32) []byte {
	h := append(make([]byte, 0, headerBytes), blockMagic...)
	h = append(h, 0, 0, 0, 0)
	h = binary.LittleEndian.AppendUint64(h, uint64(id.block))
	h = binary.LittleEndian.AppendUint64(h, uint64(size))
	crc = crc32.Update(crc, castagnoli, h[len(blockMagic)+4:])
	crc = crc32.Update(crc, castagnoli, []byte(id.name))
	binary.LittleEndian.PutUint32(h[len(blockMagic):], crc)
	return h
}

// write keeps a block and returns the bytes that takes.
func (d *disk) write(id blockID, size int64, data []byte) (int64, error) {
	file := filepath.Join(d.root, temporary, strconv.FormatUint(d.next.Add(1), 10))
	err := writeFile(file, header(id, size, crc32.Checksum(data, castagnoli)), data)
	if err == nil {
		err = d.keep(file, id, size)
	}
	if err != nil {
		_ = os.Remove(file)
		return 0, err
	}
	return int64(headerBytes + len(data)), nil
}

func writeFile(file string, parts ...[]byte) error {
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	for _, p := range parts {
		if _, err = f.Write(p); err != nil {
			break
		}
	}
	return errors.Join(err, f.Close())
}

// keep gives a temporary file its name.
func (d *disk) keep(file string, id blockID, size int64) error {
	target := d.path(id, size)
	err := os.Rename(file, target)
	if errors.Is(err, fs.ErrNotExist) {
		if err = os.MkdirAll(filepath.Dir(target), 0o755); err == nil {
			err = os.Rename(file, target)
		}
	}
	return err
}

func (d *disk) remove(id blockID, size int64) { _ = os.Remove(d.path(id, size)) }

// removeObject removes an object's directory, if nothing is left in it.
func (d *disk) removeObject(name string) {
	_ = os.Remove(filepath.Join(d.root, filepath.FromSlash(name)))
}

// put keeps what passes on its way to the far store. An error makes it keep nothing; the object goes its way all the same.
type put struct {
	d      *disk
	name   string
	buffer []byte
	files  []passed
	err    error
}

// passed is a block in a temporary file. Its header is empty: the object's size is not known yet.
type passed struct {
	file  string
	crc   uint32
	bytes int64
}

func (d *disk) newPut(name string) *put { return &put{d: d, name: name} }

// Write never fails.
func (p *put) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 && p.err == nil {
		take := min(len(b), blockBytes-len(p.buffer))
		p.buffer = append(p.buffer, b[:take]...)
		b = b[take:]
		if len(p.buffer) == blockBytes {
			p.flush()
		}
	}
	return n, nil
}

func (p *put) flush() {
	file := filepath.Join(p.d.root, temporary, strconv.FormatUint(p.d.next.Add(1), 10))
	p.files = append(p.files, passed{file, crc32.Checksum(p.buffer, castagnoli), int64(headerBytes + len(p.buffer))})
	p.err = writeFile(file, make([]byte, headerBytes), p.buffer)
	p.buffer = p.buffer[:0]
}

// finish names the blocks, now that the object's size is known.
func (p *put) finish(size int64) ([]found, error) {
	if p.err == nil && (len(p.buffer) > 0 || len(p.files) == 0) {
		p.flush()
	}
	var blocks []found
	for i, f := range p.files {
		if p.err != nil {
			break
		}
		id := blockID{p.name, int64(i)}
		if p.err = p.d.finish(f, id, size); p.err == nil {
			blocks = append(blocks, found{blockID: id, size: size, bytes: f.bytes})
		}
	}
	p.files = p.files[len(blocks):]
	return blocks, p.err
}

// finish completes a temporary file's header and gives it its name.
func (d *disk) finish(p passed, id blockID, size int64) error {
	f, err := os.OpenFile(p.file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(header(id, size, p.crc), 0)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return d.keep(p.file, id, size)
}

// discard removes what was not finished.
func (p *put) discard() {
	for _, f := range p.files {
		_ = os.Remove(f.file)
	}
}
