package store

import (
	"context"
	"fmt"
	"io"
	"os"
)

// Hold opens objects and returns a store that reads them from then on, even when they have been deleted: a file stays for who has it open. The files are
// closed when the garbage collector finds the store unused. What is not held is d's.
func (d *Dir) Hold(names ...string) (Store, error) {
	h := &held{Dir: d, files: make(map[string]*os.File, len(names))}
	for _, name := range names {
		if err := CheckName(name); err != nil {
			return nil, err
		}
		f, err := os.Open(d.path(name))
		if err != nil {
			return nil, fmt.Errorf("hold %s: %w", name, err) // the others are closed by the garbage collector too
		}
		h.files[name] = f
	}
	return h, nil
}

// held is a Dir some of whose objects are open.
type held struct {
	*Dir
	files map[string]*os.File
}

func (h *held) ReadAt(ctx context.Context, name string, p []byte, off int64) error {
	n, _, err := h.ReadRange(ctx, name, p, off)
	if err == nil && n < len(p) {
		return fmt.Errorf("read %s at %d: %d of %d bytes: %w", name, off, n, len(p), io.ErrUnexpectedEOF)
	}
	return err
}

func (h *held) ReadRange(ctx context.Context, name string, p []byte, off int64) (n int, size int64, err error) {
	f := h.files[name]
	if f == nil {
		return h.Dir.ReadRange(ctx, name, p, off)
	}
	if err := ctx.Err(); err != nil {
		return 0, 0, err
	}
	return readRange(f, name, p, off)
}

func (h *held) Size(ctx context.Context, name string) (int64, error) {
	f := h.files[name]
	if f == nil {
		return h.Dir.Size(ctx, name)
	}
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	info, err := f.Stat()
	if err != nil {
		return 0, fmt.Errorf("size of %s: %w", name, err)
	}
	return info.Size(), nil
}
