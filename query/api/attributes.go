package api

import (
	"encoding/json"
	"slices"
	"strings"

	"clew/internal/telemetry"
	"clew/query/engine"
)

// Attribute is a key and its JSON value: string, int64, float64, bool, or what [value] makes of the rest.
type Attribute struct {
	Key   string
	Value any
}

// Attributes are a JSON object, by key ascending.
type Attributes []Attribute

// Get is a key's value, nil if there is none.
func (a Attributes) Get(key string) any {
	i, found := slices.BinarySearchFunc(a, key, func(at Attribute, key string) int { return strings.Compare(at.Key, key) })
	if !found {
		return nil
	}
	return a[i].Value
}

// MarshalJSON implements json.Marshaler.
func (a Attributes) MarshalJSON() ([]byte, error) { return a.append(nil), nil }

// UnmarshalJSON implements json.Unmarshaler.
func (a *Attributes) UnmarshalJSON(text []byte) error {
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		return err
	}
	*a = attributesOf(m)
	return nil
}

func attributesOf[V any](m map[string]V) Attributes {
	if len(m) == 0 {
		return nil
	}
	a := make(Attributes, 0, len(m))
	for k, v := range m {
		a = append(a, Attribute{k, v})
	}
	slices.SortFunc(a, func(x, y Attribute) int { return strings.Compare(x.Key, y.Key) })
	return a
}

// attributes gathers a level's attributes: cells, and where cells alone cannot give an attribute back, its original (see telemetry's
// attributes.go for the rule).
func attributes(r *engine.Record, level telemetry.Level, exactField, overflowField string) Attributes {
	fields := r.Level(level)
	a := make(Attributes, 0, len(fields))
	for i := range fields {
		f := &fields[i]
		if n := len(a); n > 0 && a[n-1].Key == f.Column.Key {
			a[n-1].Value = value(f) // of another type
			continue
		}
		a = append(a, Attribute{f.Column.Key, value(f)})
	}
	a = a.merge(r.Text(overflowField), false)
	return a.merge(r.Text(exactField), true)
}

// merge adds the members of a JSON object. whole says that where one is an object, it stands for all keys that begin with its own and a dot.
func (a Attributes) merge(object string, whole bool) Attributes {
	if object == "" {
		return a
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		return a
	}
	a = slices.DeleteFunc(a, func(at Attribute) bool {
		for k, v := range members {
			if at.Key == k || whole && strings.HasPrefix(string(v), "{") && strings.HasPrefix(at.Key, k+".") {
				return true
			}
		}
		return false
	})
	for k, v := range members {
		a = append(a, Attribute{k, json.RawMessage(exactJSON(v))})
	}
	slices.SortFunc(a, func(x, y Attribute) int { return strings.Compare(x.Key, y.Key) })
	return a
}
