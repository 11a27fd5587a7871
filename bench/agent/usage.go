package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what the kernel says of a process, over a time.
type usage struct {
	length             time.Duration
	user, system       time.Duration
	peak               int64 // bytes resident at most, since its start
	anonymous, file    int64 // bytes resident in the end: its own, and pages of the program and other files
	writes, wroteBytes int64
}

// measure reads what the agent uses after it has warmed up.
func (a *agent) measure(ctx context.Context, o *options) (*usage, error) {
	time.Sleep(o.warm)
	before, err := read(a.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if o.profile != "" {
		if err := a.profiles(ctx, o); err != nil {
			return nil, err
		}
	}
	time.Sleep(o.length - time.Since(began))
	u, err := read(a.cmd.Process.Pid)
	if err != nil {
		return nil, err
	}
	u.length = time.Since(began)
	u.user -= before.user
	u.system -= before.system
	u.writes -= before.writes
	u.wroteBytes -= before.wroteBytes
	return u, nil
}

// read adds up what /proc says of a process.
func read(pid int) (*usage, error) {
	u := &usage{}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil, err
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // the command's name may hold blanks
	fields := strings.Fields(string(rest))
	for i, into := range []*time.Duration{&u.user, &u.system} {
		ticks, err := strconv.ParseInt(fields[11+i], 10, 64)
		if err != nil {
			return nil, err
		}
		*into = time.Duration(ticks) * time.Second / 100 // USER_HZ, fixed by Linux's interface
	}
	for name, keys := range map[string]map[string]*int64{
		"status": {"VmHWM:": &u.peak, "RssAnon:": &u.anonymous, "RssFile:": &u.file},
		"io":     {"syscw:": &u.writes, "write_bytes:": &u.wroteBytes},
	} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, name))
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(string(text)) {
			f := strings.Fields(line)
			if len(f) < 2 || keys[f[0]] == nil {
				continue
			}
			if *keys[f[0]], err = strconv.ParseInt(f[1], 10, 64); err != nil {
				return nil, err
			}
			if name == "status" {
				*keys[f[0]] <<= 10 // kB
			}
		}
	}
	return u, nil
}

// profiles fetches the agent's CPU profile over the time that is measured, and its heap's after.
func (a *agent) profiles(ctx context.Context, o *options) error {
	for what, query := range map[string]string{"cpu": fmt.Sprintf("profile?seconds=%d", int(o.length.Seconds())), "heap": "heap"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+a.http+"/debug/pprof/"+query, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		data, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK {
			return fmt.Errorf("profile: %s: %w: %s", res.Status, err, data)
		}
		if err := os.WriteFile(o.profile+"."+what, data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
