package scrape

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/relabel"
)

// place is where a target is and what its series are called by. Two places of the same key are one target.
type place struct {
	url    string
	labels labels.Labels // job, instance, and the target's own
}

func (p *place) key() string { return p.url + "\x00" + p.labels.String() }

// places are a job's targets as of groups, relabelled; what is wrong with one is told and leaves the others.
func (j *Job) places(groups []Group) (list []*place, err error) {
	var errs []error
	for _, g := range groups {
		if bad := g.validate(); len(bad) > 0 {
			errs = append(errs, bad...)
			continue
		}
		for _, address := range g.Targets {
			p, err := j.place(address, g.Labels)
			if err != nil {
				errs = append(errs, fmt.Errorf("target %q: %w", address, err))
			}
			if p != nil {
				list = append(list, p)
			}
		}
	}
	slices.SortFunc(list, func(a, b *place) int { return strings.Compare(a.key(), b.key()) })
	list = slices.CompactFunc(list, func(a, b *place) bool { return a.key() == b.key() })
	if len(list) > targetsMax {
		errs = append(errs, fmt.Errorf("%d targets: those beyond %d are not scraped", len(list), targetsMax))
		list = list[:targetsMax]
	}
	return list, errors.Join(errs...)
}

// place is one target's, as Prometheus makes it: labels that relabelling may change decide over address, scheme, path and parameters. nil if it
// is dropped.
func (j *Job) place(address string, own map[string]string) (*place, error) {
	b := labels.NewBuilder(labels.EmptyLabels())
	for name, value := range own {
		b.Set(name, value)
	}
	b.Set(model.AddressLabel, address)
	for name, value := range map[string]string{model.JobLabel: j.Name, model.SchemeLabel: j.Scheme, model.MetricsPathLabel: j.Path} {
		if b.Get(name) == "" {
			b.Set(name, value)
		}
	}
	for name, values := range j.Params {
		if len(values) > 0 && b.Get(model.ParamLabelPrefix+name) == "" {
			b.Set(model.ParamLabelPrefix+name, values[0])
		}
	}
	if !relabel.ProcessBuilder(b, j.Relabel...) {
		return nil, nil
	}
	u := url.URL{Scheme: b.Get(model.SchemeLabel), Host: b.Get(model.AddressLabel), Path: b.Get(model.MetricsPathLabel)}
	if u.Host == "" || strings.ContainsAny(u.Host, "/ ") {
		return nil, fmt.Errorf("address %q: want host:port", u.Host)
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("scheme %q: want http or https", u.Scheme)
	}
	if _, _, err := net.SplitHostPort(u.Host); err != nil {
		u.Host = net.JoinHostPort(strings.Trim(u.Host, "[]"), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	}
	query := url.Values{}
	for name, values := range j.Params {
		query[name] = slices.Clone(values)
	}
	b.Range(func(l labels.Label) {
		if name, ok := strings.CutPrefix(l.Name, model.ParamLabelPrefix); ok {
			query[name] = append([]string{l.Value}, query[name][min(1, len(query[name])):]...)
		}
	})
	u.RawQuery = query.Encode()
	if b.Get(model.InstanceLabel) == "" {
		b.Set(model.InstanceLabel, u.Host)
	}
	b.Range(func(l labels.Label) {
		if strings.HasPrefix(l.Name, model.ReservedLabelPrefix) {
			b.Del(l.Name)
		}
	})
	return &place{url: u.String(), labels: b.Labels()}, nil
}

// groups reads a job's static targets and files. A file that cannot be read keeps what it said before: somebody is writing it.
func (j *Job) groups(before map[string][]Group) (all []Group, files map[string][]Group, err error) {
	var errs []error
	all = slices.Clone(j.Static)
	files = map[string][]Group{}
	for _, sd := range j.Files {
		for _, pattern := range sd.Files {
			names, err := filepath.Glob(pattern)
			if err != nil {
				errs = append(errs, fmt.Errorf("files of targets %q: %w", pattern, err))
			}
			for _, name := range names {
				groups, err := readGroups(name)
				if err != nil {
					errs = append(errs, err)
					groups = before[name]
				}
				files[name] = groups
			}
		}
	}
	for _, groups := range files {
		all = append(all, groups...)
	}
	return all, files, errors.Join(errs...)
}

// readGroups reads a file of targets: a list of groups.
func readGroups(name string) ([]Group, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("file of targets: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, targetFileBytesMax+1))
	if err != nil {
		return nil, fmt.Errorf("file of targets: %w", err)
	}
	if len(data) > targetFileBytesMax {
		return nil, fmt.Errorf("file of targets %s: more than %d MB", name, targetFileBytesMax>>20)
	}
	groups, err := parseGroups(data, filepath.Ext(name) == ".json")
	if err != nil {
		return nil, fmt.Errorf("file of targets %s: %w", name, err)
	}
	return groups, nil
}

func parseGroups(data []byte, isJSON bool) (groups []Group, err error) {
	if isJSON {
		err = json.Unmarshal(data, &groups)
	} else if err = strict(data, &groups); errors.Is(err, io.EOF) {
		err = nil // an empty file has no targets
	}
	if err != nil {
		return nil, err
	}
	for i := range groups {
		if bad := groups[i].validate(); len(bad) > 0 {
			return nil, errors.Join(bad...)
		}
	}
	return groups, nil
}
