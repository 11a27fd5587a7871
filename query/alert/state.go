package alert

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"clew/query/alert/rulefile"
)

// States keeps what groups must not forget: a few kilobytes each, written at every evaluation. Save returns once the state is durable; an empty state is forgotten. Load gives
// nil for a group that has none. Only the holder of a group's lease calls them for it. Where processes share them, Load takes the group over: a later Save of the process before is
// ErrFenced. Stored are the groups that have a state; what cannot be read is left alone.
type States interface {
	Load(ctx context.Context, group string) ([]byte, error)
	Save(ctx context.Context, group string, state []byte) error
	Stored(ctx context.Context) []string
}

// Watched are States that other processes write too: Peek reads a state without taking the group over, nil if there is none.
type Watched interface {
	Peek(ctx context.Context, group string) ([]byte, error)
}

// ErrFenced says that another process has taken the group over. Nobody may be told anything more from here.
var ErrFenced = errors.New("fenced: another process evaluates the group")

// stateVersion is of the form below. A state of another version is not read: its alerts become pending anew, which is said.
const stateVersion = 1

// groupState is a group's state as it is kept.
type groupState struct {
	Version   int         `json:"version"`
	Group     string      `json:"group"`     // its key: files are named by its hash
	Tenant    string      `json:"tenant"`    //
	Evaluated time.Time   `json:"evaluated"` // the time of the last evaluation
	Rules     []ruleState `json:"rules"`
}

// ruleState is a rule's. Rules are known by name, those of the same name by their order.
type ruleState struct {
	Alert  string        `json:"alert"`
	Lang   rulefile.Lang `json:"lang"` // with expr for links, if the rule is gone when its alerts are resolved
	Expr   string        `json:"expr"`
	Err    string        `json:"err,omitempty"` // of the last evaluation, for processes that only show it
	Alerts []*Alert      `json:"alerts"`
}

// encode is called by the group's evaluation.
func (g *group) encode(ts time.Time) ([]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s := groupState{Version: stateVersion, Group: g.of.Key(), Tenant: g.of.Tenant, Evaluated: ts, Rules: []ruleState{}}
	for _, r := range g.rules {
		if r.rule.Alert != "" {
			one := ruleState{Alert: r.rule.Alert, Lang: r.rule.Lang, Expr: r.rule.Expr, Alerts: r.active.sorted()}
			if r.err != nil {
				one.Err = r.err.Error()
			}
			s.Rules = append(s.Rules, one)
		}
	}
	return json.Marshal(s)
}

func decodeState(data []byte) (*groupState, error) {
	var s groupState
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	if s.Version != stateVersion {
		return nil, fmt.Errorf("the state has version %d: this clew reads %d", s.Version, stateVersion)
	}
	return &s, nil
}

// restore takes over a state at now. It gives the alerts that fired by rules that are gone: they are over.
func (g *group) restore(s *groupState, now time.Time) (gone []*Notification) {
	g.mu.Lock()
	defer g.mu.Unlock()
	away := max(0, now.Sub(s.Evaluated)-g.interval)
	g.evaluated = s.Evaluated
	g.resolveAfter = now.Add(min(away, graceMax))
	taken := map[*rule]bool{}
	for _, r := range g.rules {
		clear(r.active) // what was seen of another's evaluation
	}
	for _, from := range s.Rules {
		r := g.ruleNamed(from.Alert, taken)
		if r == nil {
			gone = append(gone, over(s.Tenant, from, now, g.links)...)
			continue
		}
		taken[r] = true
		for _, a := range from.Alerts {
			switch {
			case a == nil || a.State == Pending && away > outageMax:
				continue
			case a.State == Pending:
				a.ActiveAt = a.ActiveAt.Add(away) // nobody looked meanwhile
			}
			a.LastSentAt = time.Time{} // whoever was told may have forgotten, as an Alertmanager in this process has
			r.active[a.Labels.Hash()] = a
		}
	}
	return gone
}

// observe shows a state that another process keeps, until this one takes the group over.
func (g *group) observe(s *groupState) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.evaluated = s.Evaluated
	taken := map[*rule]bool{}
	for _, r := range g.rules {
		clear(r.active)
		r.evaluated, r.err = s.Evaluated, nil
	}
	for _, from := range s.Rules {
		r := g.ruleNamed(from.Alert, taken)
		if r == nil {
			continue
		}
		taken[r] = true
		if from.Err != "" {
			r.err = errors.New(from.Err)
		}
		for _, a := range from.Alerts {
			if a != nil {
				r.active[a.Labels.Hash()] = a
			}
		}
	}
}

// ruleNamed is the first alerting rule of that name that has not been taken.
func (g *group) ruleNamed(name string, taken map[*rule]bool) *rule {
	for _, r := range g.rules {
		if r.rule.Alert == name && name != "" && !taken[r] {
			return r
		}
	}
	return nil
}

// over tells that what fires of these alerts is resolved now.
func over(tenant string, rule ruleState, now time.Time, l *links) []*Notification {
	var out []*Notification
	for _, a := range rule.Alerts {
		if a != nil && a.State == Firing {
			a.State, a.ResolvedAt = Inactive, now
			out = append(out, l.notification(tenant, a, rule.Expr, rule.Lang))
		}
	}
	return out
}

// Dir keeps states as files in a directory, for one process. Every Save is fsynced and replaces the whole file at once.
type Dir struct{ path string }

// NewDir makes the directory if it does not exist.
func NewDir(path string) (*Dir, error) {
	if err := os.MkdirAll(path, 0o750); err != nil {
		return nil, fmt.Errorf("directory of the rules' state: %w", err)
	}
	return &Dir{path}, nil
}

func (d *Dir) file(group string) string {
	h := fnv.New64a()
	h.Write([]byte(group))
	return filepath.Join(d.path, strconv.FormatUint(h.Sum64(), 16)+".json")
}

// Load implements States.
func (d *Dir) Load(_ context.Context, group string) ([]byte, error) {
	f, err := os.Stat(d.file(group))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the state of %s: %w", group, err)
	}
	if f.Size() > stateBytesMax {
		return nil, fmt.Errorf("read the state of %s: %d bytes: want at most %d", group, f.Size(), stateBytesMax)
	}
	data, err := os.ReadFile(d.file(group))
	if err != nil {
		return nil, fmt.Errorf("read the state of %s: %w", group, err)
	}
	return data, nil
}

// Save implements States. An empty state removes the file.
func (d *Dir) Save(_ context.Context, group string, state []byte) error {
	if err := d.save(group, state); err != nil {
		return fmt.Errorf("write the state of %s: %w", group, err)
	}
	return nil
}

func (d *Dir) save(group string, state []byte) error {
	path := d.file(group)
	if len(state) == 0 {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return d.sync()
	}
	f, err := os.OpenFile(path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o640)
	if err != nil {
		return err
	}
	_, err = f.Write(state)
	if err == nil {
		err = f.Sync()
	}
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".new", path); err != nil {
		return err
	}
	return d.sync()
}

// sync makes names durable.
func (d *Dir) sync() error {
	f, err := os.Open(d.path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Stored implements States.
func (d *Dir) Stored(context.Context) []string {
	files, _ := filepath.Glob(filepath.Join(d.path, "*.json"))
	var out []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		if s, err := decodeState(data); err == nil {
			out = append(out, s.Group)
		}
	}
	return out
}
