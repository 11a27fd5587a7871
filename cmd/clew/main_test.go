package main

import (
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

// A broken pipe is the end of the reader's interest only when it is our output that broke: a server that hung up is an error, or a script takes its silence for an answer.
func TestReaderGone(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"our output":     {fmt.Errorf("print: %w", &os.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.EPIPE}), true},
		"a connection":   {&net.OpError{Op: "write", Net: "tcp", Err: os.NewSyscallError("write", syscall.EPIPE)}, false},
		"another file":   {&os.PathError{Op: "write", Path: "/tmp/out", Err: syscall.EPIPE}, false},
		"a full disk":    {&os.PathError{Op: "write", Path: os.Stdout.Name(), Err: syscall.ENOSPC}, false},
		"nothing at all": {nil, false},
	} {
		if got := readerGone(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
