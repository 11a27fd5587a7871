package main

import (
	"bytes"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// forgetProgram gives back the pages of the program that were only needed to start: every package of clew initialises itself, and the kernel maps the
// file's pages around each that is touched, a hundred megabytes in all. An agent uses a tenth of them. They stay in the page cache for whoever needs them, this
// process too, which finds them again page by page. Where it cannot be done, nothing happens.
func forgetProgram() {
	maps, err := os.ReadFile("/proc/self/smaps")
	if err != nil {
		return
	}
	program, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	var first, last uint64
	for line := range bytes.Lines(maps) {
		f := strings.Fields(string(line))
		switch {
		case len(f) == 6 && f[5] == program && (f[1] == "r-xp" || f[1] == "r--p"):
			from, to, _ := strings.Cut(f[0], "-")
			var err1, err2 error
			first, err1 = strconv.ParseUint(from, 16, 64)
			last, err2 = strconv.ParseUint(to, 16, 64)
			if err1 != nil || err2 != nil {
				first = 0
			}
		case len(f) >= 5 && strings.Contains(f[0], "-"):
			first = 0
		case first != 0 && len(f) == 3 && f[0] == "Anonymous:":
			// Pages that differ from the file, as relocations make them, would be lost.
			if f[1] == "0" {
				_, _, _ = unix.Syscall(unix.SYS_MADVISE, uintptr(first), uintptr(last-first), unix.MADV_DONTNEED)
			}
			first = 0
		}
	}
}
