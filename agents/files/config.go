// Package files is the receiver of log files: the OpenTelemetry Collector's file consumer (patterns, rotation, fingerprints, compression, checkpoints)
// with clew's own ends. It differs from the stock filelog receiver in what a crash and a full queue mean:
//
//   - Lines that belong together are joined before they leave the file (lines.Splitter), so that the offset in the checkpoint never passes
//     a record that is still being gathered.
//   - What a poll reads is handed on together, and before the checkpoint that covers it is written: after the pipeline has taken it, which with clew's
//     exporter means after fsync. What was read and not checkpointed is read again after a crash, and recognised by its offset.
//   - Refused, it waits and offers the batch again, for as long as it takes: the file is the buffer.
package files

import (
	"errors"
	"fmt"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/stanza/fileconsumer"
	"go.opentelemetry.io/collector/component"

	"clew/agents/lines"
)

// Type is the receiver's name in a configuration.
var Type = component.MustNewType("files")

// Config has the keys of the stock filelog receiver but for operators, and clew's own.
type Config struct {
	fileconsumer.Config `mapstructure:",squash"`
	// Storage is where the checkpoints are kept; without one they are in memory.
	Storage *component.ID `mapstructure:"storage"`
	// Framing is what stands around each line: none, cri, docker or pods (either, by line).
	Framing string `mapstructure:"framing"`
	// Join makes one record of a stack trace and of indented lines; without it each line is a record.
	Join bool `mapstructure:"join"`
	// Service is service.name of all records. Without it, containers are named by their container, syslog's lines by their program, others by
	// their directory below /var/log or their file.
	Service string `mapstructure:"service"`
}

var framings = map[string]lines.Framing{"none": lines.Plain, "cri": lines.CRI, "docker": lines.Docker, "pods": lines.Pods}

func defaultConfig() component.Config {
	c := &Config{Config: *fileconsumer.NewConfig(), Framing: "none", Join: true}
	c.Encoding = "utf-8-raw" // what is no UTF-8 is seen and flagged where all records are checked
	// A rotated file that is compressed becomes smaller than what has been read of it: to read "truncated" files whole would bring every such file twice. Files that
	// are truncated are known as new ones by their beginning.
	c.OnTruncate = fileconsumer.OnTruncateIgnore
	c.IncludeFilePath = true
	c.IncludeFileName = false
	return c
}

// Validate is part of xconfmap.Validator.
func (c *Config) Validate() error {
	var errs []error
	if _, ok := framings[c.Framing]; !ok {
		errs = append(errs, fmt.Errorf("framing %q: want none, cri, docker or pods", c.Framing))
	}
	if len(c.Include) == 0 {
		errs = append(errs, errors.New("include: want at least one pattern, such as /var/log/*.log"))
	}
	if c.DeleteAfterRead || c.Header != nil {
		errs = append(errs, errors.New("delete_after_read and header are the stock filelog receiver's"))
	}
	return errors.Join(errs...)
}

func (c *Config) splitter() lines.Splitter {
	return lines.Splitter{Framing: framings[c.Framing], Single: !c.Join}
}
