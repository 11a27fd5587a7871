package manager

import (
	"crypto/sha256"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	ttemplate "text/template"

	"github.com/prometheus/alertmanager/config"
	"github.com/prometheus/alertmanager/config/receiver"
	"github.com/prometheus/alertmanager/featurecontrol"
	"github.com/prometheus/alertmanager/matcher/compat"
	"github.com/prometheus/alertmanager/notify"
	"github.com/prometheus/alertmanager/template"
	"go.yaml.in/yaml/v3"
)

//go:embed default.yml
var defaultConfig string

func init() {
	// How matchers are written, in the file and in requests: with UTF-8, and as they were before. The parser is the process's.
	compat.InitFromFlags(slog.New(slog.DiscardHandler), featurecontrol.NoopFlags{})
}

// Problem is what is wrong with a configuration, and where.
type Problem struct {
	File         string
	Line, Column int // from 1; 0: not known
	What         string
}

func (p *Problem) Error() string {
	switch {
	case p.Line == 0:
		return p.File + ": " + p.What
	case p.Column == 0:
		return fmt.Sprintf("%s:%d: %s", p.File, p.Line, p.What)
	}
	return fmt.Sprintf("%s:%d:%d: %s", p.File, p.Line, p.Column, p.What)
}

// settings are a configuration that was read and can be used.
type settings struct {
	config       *config.Config
	template     *template.Template
	integrations map[string][]notify.Integration // by receiver
	sum          [sha256.Size]byte               // of the files
}

// Summary is what a configuration has, for people.
type Summary struct{ Receivers, Integrations, Routes, InhibitRules, TimeIntervals, Templates int }

// Summarize says what a configuration has, or everything that is wrong with it: an error for each problem, joined.
func Summarize(file string) (Summary, error) {
	s, err := load(file, slog.New(slog.DiscardHandler))
	if err != nil {
		return Summary{}, err
	}
	c := s.config
	out := Summary{Receivers: len(c.Receivers), InhibitRules: len(c.InhibitRules), TimeIntervals: len(c.TimeIntervals) + len(c.MuteTimeIntervals), Templates: len(c.Templates)}
	for _, i := range s.integrations {
		out.Integrations += len(i)
	}
	var count func(r *config.Route)
	count = func(r *config.Route) {
		out.Routes++
		for _, child := range r.Routes {
			count(child)
		}
	}
	count(c.Route)
	return out, nil
}

// load reads a configuration, "" being the default one, and makes everything that it names: what cannot be made is said now, not when somebody should be paged.
func load(file string, logger *slog.Logger) (*settings, error) {
	text, err := read(file)
	if err != nil {
		return nil, err
	}
	conf, err := parse(file, text)
	if err != nil {
		return nil, err
	}
	if problems := checkTemplates(file, text); len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	s := &settings{config: conf, integrations: map[string][]notify.Integration{}}
	if s.template, err = template.FromGlobs(conf.Templates); err != nil {
		return nil, &Problem{File: file, What: "templates: " + err.Error()}
	}
	if s.sum, err = sumOf(text, conf.Templates); err != nil {
		return nil, &Problem{File: file, What: err.Error()}
	}
	return s, s.build(file, logger)
}

// build makes the receivers.
func (s *settings) build(file string, logger *slog.Logger) error {
	for _, r := range s.config.Receivers {
		integrations, err := receiver.BuildReceiverIntegrations(r, s.template, logger)
		if err != nil {
			return &Problem{File: file, What: fmt.Sprintf("receiver %q: %v", r.Name, err)}
		}
		s.integrations[r.Name] = integrations
	}
	return nil
}

func read(file string) (string, error) {
	if file == "" {
		return defaultConfig, nil
	}
	f, err := os.Open(filepath.Clean(file))
	if err != nil {
		return "", fmt.Errorf("alertmanager configuration: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, configBytesMax+1))
	if err != nil {
		return "", fmt.Errorf("alertmanager configuration: %w", err)
	}
	if len(data) > configBytesMax {
		return "", fmt.Errorf("alertmanager configuration %s: more than %d bytes", file, configBytesMax)
	}
	return string(data), nil
}

// parse reads the text, or the file for which it stands: only then are paths in it relative to the file.
func parse(file, text string) (conf *config.Config, err error) {
	if file == "" {
		conf, err = config.Load(text)
	} else {
		conf, err = config.LoadFile(file)
	}
	if err != nil {
		return nil, located(file, text, err)
	}
	return conf, nil
}

// sumOf tells a configuration from another.
func sumOf(text string, globs []string) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	fmt.Fprintf(h, "%d %s", len(text), text)
	for _, glob := range globs {
		files, err := filepath.Glob(glob)
		if err != nil {
			return sum, fmt.Errorf("templates: %q: %w", glob, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				return sum, fmt.Errorf("templates: %w", err)
			}
			fmt.Fprintf(h, "%d %s %d %s", len(file), file, len(data), data)
		}
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// checkTemplates parses every template that stands in the file itself. Alertmanager does when it notifies, which is too late to learn of a missing brace.
func checkTemplates(file, text string) (problems []error) {
	var doc yaml.Node
	if err := yaml.Unmarshal([]byte(text), &doc); err != nil {
		return []error{&Problem{File: file, What: err.Error()}}
	}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		if n.Kind == yaml.ScalarNode && strings.Contains(n.Value, "{{") {
			if _, err := ttemplate.New("").Funcs(ttemplate.FuncMap(template.DefaultFuncs)).Parse(n.Value); err != nil {
				what := strings.TrimPrefix(strings.TrimPrefix(err.Error(), "template: "), ":")
				problems = append(problems, &Problem{File: file, Line: n.Line, Column: n.Column, What: "template: line " + what})
			}
		}
		for _, c := range n.Content {
			walk(c)
		}
	}
	if receivers := child(&doc, "receivers"); receivers != nil {
		walk(receivers)
	}
	return problems
}

// child is the value of a key of the document.
func child(doc *yaml.Node, key string) *yaml.Node {
	if len(doc.Content) == 0 {
		return nil
	}
	m := doc.Content[0]
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == key {
			return m.Content[i+1]
		}
	}
	return nil
}
