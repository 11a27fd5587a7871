package store

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"syscall"
)

// tempDir, below the root, holds what is being written. Its name begins with a dot, so no object can have it.
const tempDir = ".temp"

// Dir is a Store in a directory. Each object is a file; its name is the path below the root.
//
// A Put writes a file in .temp, syncs it, renames it to its name and syncs the directories whose entries changed. A crash leaves at
// worst a file in .temp, which the next OpenDir removes. Several processes may use one directory: a temporary file that is being
// written is locked, and OpenDir leaves locked ones alone.
type Dir struct {
	root string
}

var _ RangeReader = (*Dir)(nil)

// OpenDir makes the directory if it does not exist and removes what crashed writers left in it.
func OpenDir(root string) (*Dir, error) {
	temp := filepath.Join(root, tempDir)
	if err := os.MkdirAll(temp, 0o755); err != nil {
		return nil, fmt.Errorf("open store %s: %w", root, err)
	}
	entries, err := os.ReadDir(temp)
	if err != nil {
		return nil, fmt.Errorf("open store %s: %w", root, err)
	}
	for _, entry := range entries {
		if err := removeLeftover(filepath.Join(temp, entry.Name())); err != nil {
			return nil, fmt.Errorf("open store %s: remove leftover %s: %w", root, entry.Name(), err)
		}
	}
	return &Dir{root: root}, nil
}

// removeLeftover removes a temporary file unless a live writer holds its lock.
func removeLeftover(file string) error {
	f, err := os.OpenFile(file, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // its writer has just renamed or removed it
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if !tryLock(f) {
		return nil
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Put implements Store.
func (d *Dir) Put(ctx context.Context, name string, write func(w io.Writer) error) (int64, error) {
	if err := CheckName(name); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	size, err := d.put(ctx, name, write)
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		return 0, &FullError{Name: name, Err: err}
	}
	if err != nil {
		return 0, fmt.Errorf("put %s: %w", name, err)
	}
	return size, nil
}

func (d *Dir) put(ctx context.Context, name string, write func(w io.Writer) error) (size int64, err error) {
	f, err := os.CreateTemp(filepath.Join(d.root, tempDir), "put-")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, ignoreNotExist(os.Remove(f.Name())))
		}
	}()
	defer f.Close() // a second Close after the one below is harmless; this one serves the error paths
	tryLock(f)

	counter := &countingWriter{w: f}
	buffer := bufio.NewWriterSize(counter, writeBufferBytes)
	if err := write(buffer); err != nil {
		return 0, err
	}
	if err := buffer.Flush(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := f.Sync(); err != nil {
		return 0, err
	}
	target := d.path(name)
	if err := d.makeParents(filepath.Dir(target)); err != nil {
		return 0, err
	}
	// Renamed while still locked: at no moment can OpenDir of another process take it for a leftover.
	if err := os.Rename(f.Name(), target); err != nil {
		return 0, err
	}
	if err := syncDir(filepath.Dir(target)); err != nil {
		return 0, err
	}
	return counter.n, f.Close()
}

// makeParents makes dir and what is missing above it, and syncs each directory that got a new entry.
func (d *Dir) makeParents(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if dir != d.root {
		if err := d.makeParents(filepath.Dir(dir)); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// ReadAt implements Store.
func (d *Dir) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := os.Open(d.path(name))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	n, err := f.ReadAt(p, off)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read %s at %d: %d of %d bytes: %w", name, off, n, len(p), err)
}

// ReadRange implements RangeReader.
func (d *Dir) ReadRange(ctx context.Context, name string, p []byte, off int64) (n int, size int64, err error) {
	if err := CheckName(name); err != nil {
		return 0, 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	f, err := os.Open(d.path(name))
	if err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", name, err)
	}
	defer f.Close()
	return readRange(f, name, p, off)
}

func readRange(f *os.File, name string, p []byte, off int64) (n int, size int64, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, 0, fmt.Errorf("read %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return 0, 0, fmt.Errorf("read %s: %w", name, fs.ErrNotExist)
	}
	n, err = f.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, 0, fmt.Errorf("read %s at %d: %w", name, off, err)
	}
	return n, info.Size(), nil
}

// Size implements Store.
func (d *Dir) Size(ctx context.Context, name string) (int64, error) {
	if err := CheckName(name); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	info, err := os.Stat(d.path(name))
	if err != nil {
		return 0, fmt.Errorf("size of %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return 0, fmt.Errorf("size of %s: %w", name, fs.ErrNotExist)
	}
	return info.Size(), nil
}

// Delete implements Store. Directories that become empty stay: they are few, and removing them would race with Put.
func (d *Dir) Delete(ctx context.Context, name string) error {
	if err := CheckName(name); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	target := d.path(name)
	err := os.Remove(target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	if err := syncDir(filepath.Dir(target)); err != nil {
		return fmt.Errorf("delete %s: %w", name, err)
	}
	return nil
}

// List implements Store. Only the directory that the prefix names is walked, not the whole store.
func (d *Dir) List(ctx context.Context, prefix string) ([]Object, error) {
	if prefix != "" {
		if err := CheckName(strings.TrimSuffix(prefix, "/")); err != nil {
			return nil, err
		}
	}
	start := d.root
	if i := strings.LastIndexByte(prefix, '/'); i >= 0 {
		start = d.path(prefix[:i])
	}
	var objects []Object
	err := filepath.WalkDir(start, func(file string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // deleted meanwhile, or nothing has the prefix
		}
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if entry.IsDir() {
			if file != d.root && strings.HasPrefix(entry.Name(), ".") {
				return filepath.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(d.root, file)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(relative)
		if !strings.HasPrefix(name, prefix) || CheckName(name) != nil {
			return nil
		}
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		objects = append(objects, Object{Name: name, Size: info.Size()})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list %q: %w", prefix, err)
	}
	// WalkDir goes element by element, which is not the order of whole names ("a/b" and "a-b").
	sort.Slice(objects, func(i, j int) bool { return objects[i].Name < objects[j].Name })
	return objects, nil
}

func (d *Dir) path(name string) string { return filepath.Join(d.root, filepath.FromSlash(name)) }

// syncDir makes a directory's entries durable.
func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func ignoreNotExist(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// countingWriter counts what the medium took.
type countingWriter struct {
	w io.Writer
	n int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
