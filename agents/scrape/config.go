package scrape

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/common/config"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/relabel"
	"go.opentelemetry.io/collector/confmap"
	"go.yaml.in/yaml/v3"
)

// Config is the receiver's part of a configuration: Prometheus's own keys, below config as the stock receiver has them.
type Config struct {
	Global Global
	Jobs   []*Job
}

// Global has what jobs do not say themselves.
type Global struct {
	Interval model.Duration `yaml:"scrape_interval"`
	Timeout  model.Duration `yaml:"scrape_timeout"`
	// BodyBytes and Samples bound a scrape; 0 is the default.
	BodyBytes units.Base2Bytes `yaml:"body_size_limit"`
	Samples   int              `yaml:"sample_limit"`
}

// Job is a scrape_config. What is not here (service discovery by APIs) the agent does not do.
type Job struct {
	Name     string         `yaml:"job_name"`
	Interval model.Duration `yaml:"scrape_interval"`
	Timeout  model.Duration `yaml:"scrape_timeout"`
	Path     string         `yaml:"metrics_path"`
	Scheme   string         `yaml:"scheme"`
	Params   url.Values     `yaml:"params"`
	// HonorLabels keeps the labels of a target's series that are named like its own; else they become exported_<name>.
	HonorLabels     bool `yaml:"honor_labels"`
	HonorTimestamps bool `yaml:"honor_timestamps"`
	// Native asks for protobuf, which has native histograms, start times and exemplars. A target that does not know it answers in text.
	Native    bool             `yaml:"scrape_native_histograms"`
	BodyBytes units.Base2Bytes `yaml:"body_size_limit"`
	Samples   int              `yaml:"sample_limit"`

	Static  []Group           `yaml:"static_configs"`
	Files   []FileSD          `yaml:"file_sd_configs"`
	Relabel []*relabel.Config `yaml:"relabel_configs"`
	// MetricRelabel sees a histogram or summary as one series with its own name.
	MetricRelabel []*relabel.Config `yaml:"metric_relabel_configs"`

	HTTP config.HTTPClientConfig `yaml:",inline"`
}

// Group is targets with labels.
type Group struct {
	Targets []string          `yaml:"targets" json:"targets"`
	Labels  map[string]string `yaml:"labels" json:"labels"`
}

// FileSD names files of groups, in JSON or YAML, that are read again when they change.
type FileSD struct {
	Files   []string       `yaml:"files"`
	Refresh model.Duration `yaml:"refresh_interval"`
}

// Unmarshal is part of confmap.Unmarshaler. Prometheus's configuration is YAML with types of its own, so it is read as YAML.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	text, err := yaml.Marshal(conf.ToStringMap())
	if err != nil {
		return err
	}
	var file struct {
		Config struct {
			Global Global      `yaml:"global"`
			Jobs   []yaml.Node `yaml:"scrape_configs"`
		} `yaml:"config"`
	}
	file.Config.Global = c.Global
	if err := strict(text, &file); err != nil {
		return err
	}
	c.Global = file.Config.Global
	c.Jobs = nil
	for i := range file.Config.Jobs {
		j := &Job{
			Interval: c.Global.Interval, Timeout: min(c.Global.Timeout, c.Global.Interval), Path: "/metrics", Scheme: "http", HonorTimestamps: true, Native: true,
			BodyBytes: c.Global.BodyBytes, Samples: c.Global.Samples, HTTP: config.DefaultHTTPClientConfig,
		}
		text, err := yaml.Marshal(&file.Config.Jobs[i])
		if err != nil {
			return err
		}
		if err := strict(text, j); err != nil {
			return fmt.Errorf("scrape_configs[%d]: %w", i, err)
		}
		c.Jobs = append(c.Jobs, j)
	}
	return nil
}

func strict(text []byte, into any) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	return dec.Decode(into)
}

func defaultConfig() *Config {
	return &Config{Global: Global{
		Interval: model.Duration(intervalDefault), Timeout: model.Duration(timeoutDefault), BodyBytes: bodyBytesDefault, Samples: samplesDefault,
	}}
}

// Validate is part of xconfmap.Validator.
func (c *Config) Validate() error {
	var errs []error
	if len(c.Jobs) == 0 {
		errs = append(errs, errors.New("config: scrape_configs: want one job at least"))
	}
	names := map[string]bool{}
	for i, j := range c.Jobs {
		if j.Name == "" {
			errs = append(errs, fmt.Errorf("scrape_configs[%d]: job_name: want a name", i))
		}
		if names[j.Name] {
			errs = append(errs, fmt.Errorf("scrape_configs[%d]: job_name: %q is there twice", i, j.Name))
		}
		names[j.Name] = true
		for _, err := range j.validate() {
			errs = append(errs, fmt.Errorf("scrape_configs[%d] (%s): %w", i, j.Name, err))
		}
	}
	return errors.Join(errs...)
}

func (j *Job) validate() []error {
	var errs []error
	if time.Duration(j.Interval) < intervalMin {
		errs = append(errs, fmt.Errorf("scrape_interval: %v: want %v at least", j.Interval, intervalMin))
	}
	if j.Timeout <= 0 || j.Timeout > j.Interval {
		errs = append(errs, fmt.Errorf("scrape_timeout: %v: want more than 0, and no more than the interval (%v)", j.Timeout, j.Interval))
	}
	if j.Scheme != "http" && j.Scheme != "https" {
		errs = append(errs, fmt.Errorf("scheme: %q: want http or https", j.Scheme))
	}
	if j.BodyBytes <= 0 || j.Samples <= 0 {
		errs = append(errs, errors.New("body_size_limit and sample_limit: want more than 0"))
	}
	if err := j.HTTP.Validate(); err != nil {
		errs = append(errs, err)
	}
	for _, list := range [][]*relabel.Config{j.Relabel, j.MetricRelabel} {
		for _, r := range list {
			if err := r.Validate(model.UTF8Validation); err != nil {
				errs = append(errs, err)
			}
		}
	}
	for _, g := range j.Static {
		errs = append(errs, g.validate()...)
	}
	for k := range j.Files {
		f := &j.Files[k]
		if len(f.Files) == 0 {
			errs = append(errs, errors.New("file_sd_configs: files: want one pattern at least, such as /etc/clew/targets/*.yaml"))
		}
		for _, p := range f.Files {
			if _, err := filepath.Match(p, ""); err != nil {
				errs = append(errs, fmt.Errorf("file_sd_configs: files: %q: %w", p, err))
			}
		}
	}
	if len(j.Static)+len(j.Files) == 0 {
		errs = append(errs, errors.New("want static_configs or file_sd_configs"))
	}
	return errs
}

func (g *Group) validate() []error {
	var errs []error
	for _, target := range g.Targets {
		if target == "" || bytes.ContainsAny([]byte(target), "/ ") {
			errs = append(errs, fmt.Errorf("targets: %q: want host:port, without scheme and path", target))
		}
	}
	for name := range g.Labels {
		if !model.UTF8Validation.IsValidLabelName(name) {
			errs = append(errs, fmt.Errorf("labels: %q is no name of a label", name))
		}
	}
	return errs
}
