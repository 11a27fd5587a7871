package agents

import (
	"errors"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// ParseOverrides reads YAML of the OpenTelemetry Collector. A key that is there twice is an error, and so is anything but maps at the top.
func ParseOverrides(file string, data []byte) (map[string]any, error) {
	var m map[string]any
	if err := yaml.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var errs []error
	for key, v := range m {
		switch key {
		case "receivers", "processors", "exporters", "extensions", "connectors", "service":
			if _, ok := v.(map[string]any); !ok && v != nil {
				errs = append(errs, fmt.Errorf("%s: %s: want a map, have %T", file, key, v))
			}
		default:
			errs = append(errs, fmt.Errorf("%s: %s: there is no such section: want receivers, processors, exporters, extensions, connectors or service", file, key))
		}
	}
	return m, errors.Join(errs...)
}

// merge puts over onto base: maps are merged, everything else takes the place of what was there, and null removes it.
// Neither is changed.
func merge(base, over map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(over))
	for k, v := range base {
		out[k] = v
	}
	for k, v := range over {
		if v == nil {
			delete(out, k)
			continue
		}
		below, isMap := out[k].(map[string]any)
		above, wantsMap := v.(map[string]any)
		if wantsMap {
			if !isMap {
				below = nil
			}
			out[k] = merge(below, above) // with nothing below too: nulls in it go
			continue
		}
		out[k] = v
	}
	return out
}
